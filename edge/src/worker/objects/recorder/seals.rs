//! The customers' secrets, which rest sealed: one by one, each for its own sid.

use std::collections::BTreeMap;

use worker::{Env, Error, console_error};

use crate::access::{KeyRing, Purpose};
use crate::recording::Secrets;
use crate::worker::bindings::{self, Misconfigured};

type Sealed = BTreeMap<String, String>;

pub(super) fn seal(secrets: &Secrets, env: &Env) -> worker::Result<String> {
    let keys = keys(env)?;
    let sealed = secrets.iter().map(|(sid, spec)| {
        let text = keys.seal_text(Purpose::Storage(sid), &serde_json::to_vec(spec)?, &bindings::random());
        Ok((
            sid.clone(),
            text.map_err(|_| Error::RustError("a recording's secrets cannot be encrypted".to_owned()))?,
        ))
    });
    Ok(serde_json::to_string(&sealed.collect::<worker::Result<Sealed>>()?)?)
}

/// What does not open is left out: such a recording goes on, but its node cannot be given its job again.
pub(super) fn open(sealed: &str, env: &Env) -> worker::Result<Secrets> {
    let keys = keys(env)?;
    let sealed: Sealed = serde_json::from_slice(sealed.as_bytes())?;
    let opened = sealed.iter().filter_map(|(sid, text)| {
        let plain = keys.open_text(Purpose::Storage(sid), text).ok();
        let spec = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        if spec.is_none() {
            console_error!(
                "the secrets of recording {sid} cannot be decrypted: is the key that encrypted them still configured?"
            );
        }
        Some((sid.clone(), spec?))
    });
    Ok(opened.collect())
}

fn keys(env: &Env) -> worker::Result<KeyRing> {
    bindings::seal_keys(env).map_err(|error: Misconfigured| Error::RustError(error.to_string()))
}
