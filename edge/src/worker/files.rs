//! Playlists that are handed out by links: each is read from its store, and links are put into it.

use worker::{Env, console_error};

use super::bindings::{self, Misconfigured};
use super::{outbound, transport};
use crate::access::Directory;
use crate::handing::Handed;
use crate::http::Response;

/// For a store to answer.
const LIMIT_MS: u64 = 20_000;
/// The longest playlist that is handed out: a day of slices.
const MAX_BYTES: usize = 2 << 20;

pub(super) async fn answer(handed: &Handed, env: &Env) -> Result<Response, Misconfigured> {
    let (store, keys) = (bindings::directory(env)?, bindings::seal_keys(env)?);
    let app = match Directory::new(&store, &keys).app(&handed.app_id).await {
        Ok(app) => app,
        Err(error) => {
            console_error!("{error}");
            return Ok(transport::message(503, "The directory cannot be read; try again"));
        }
    };
    let source = match handed.source(app.as_ref(), bindings::now_ms()) {
        Ok(source) => source,
        Err(response) => return Ok(response),
    };
    let public_url = bindings::public_url(env).unwrap_or_default();
    match outbound::text("GET", &source, LIMIT_MS, MAX_BYTES, env).await {
        Ok((status, text)) => Ok(handed.answer(app.as_ref(), status, &text, &public_url, bindings::now_ms())),
        Err(error) => {
            console_error!("a playlist is not handed out: {error}");
            Ok(transport::message(502, "The store does not answer; try again"))
        }
    }
}
