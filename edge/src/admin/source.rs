//! An app's media source, as the operator writes it and as it is shown.

use std::collections::BTreeMap;

use protocol::{Secret, SecretUrl, Source};
use serde_json::{Map, Value, json};

use super::only;
use crate::input::{FieldError, Fields, base_url, stream_url};

const MAX_STREAMS: usize = 500;
const MAX_TEXT: usize = 256;
/// A token may stand in the place of a password.
const MAX_CREDENTIALS: usize = 4096;
/// Hexadecimal digits of a SHA-256.
const DIGEST_DIGITS: usize = 64;
const DEFAULT_PATH: &str = "{app}/{channel}";

pub(super) fn read(source: &Fields<'_>) -> Result<Source, FieldError> {
    match source.require("type", source.string("type")?)? {
        "builtin" => {
            only(source, &["type", "rtsp", "roster"])?;
            Ok(Source::Builtin {
                rtsp: address(source, "rtsp", &["rtsp"])?,
                roster: address(source, "roster", &["http", "https"])?,
            })
        }
        "mediamtx" => {
            only(source, &["type", "api", "rtsp", "credentials", "path"])?;
            Ok(Source::Mediamtx {
                api: source.require("api", address(source, "api", &["http", "https"])?)?,
                rtsp: source.require("rtsp", pinned_address(source)?)?,
                credentials: credentials(source)?,
                path: path(source)?,
            })
        }
        "static" => {
            only(source, &["type", "streams"])?;
            Ok(Source::Static {
                streams: streams(source)?,
            })
        }
        _ => Err(source.error("type", "must be \"builtin\", \"mediamtx\" or \"static\"")),
    }
}

/// The source without credentials, and without the paths of a fixed list, where cameras take passwords.
pub(super) fn view(source: &Source) -> Value {
    match source {
        Source::Builtin { rtsp, roster } => json!({ "type": "builtin", "rtsp": rtsp, "roster": roster }),
        Source::Mediamtx {
            api,
            rtsp,
            credentials,
            path,
        } => json!({
            "type": "mediamtx",
            "api": api,
            "rtsp": rtsp,
            "path": path,
            "has_credentials": credentials.is_some(),
        }),
        Source::Static { streams } => {
            let streams: Map<_, _> = streams
                .iter()
                .map(|(uid, url)| (uid.clone(), Value::from(url.to_string())))
                .collect();
            json!({ "type": "static", "streams": streams })
        }
    }
}

fn address(source: &Fields<'_>, name: &str, schemes: &[&str]) -> Result<Option<String>, FieldError> {
    let text = source.string(name)?;
    text.map(|text| base_url(text, schemes).map_err(|problem| source.error(name, problem)))
        .transpose()
}

/// An address of RTSP, behind which the digest of the server's certificate may stand.
fn pinned_address(source: &Fields<'_>) -> Result<Option<String>, FieldError> {
    let Some(text) = source.string("rtsp")? else {
        return Ok(None);
    };
    let (text, pin) = text
        .split_once('#')
        .map_or((text, None), |(text, pin)| (text, Some(pin)));
    let base = base_url(text, &["rtsp", "rtsps"]).map_err(|problem| source.error("rtsp", problem))?;
    let Some(pin) = pin else { return Ok(Some(base)) };
    let is_digest = pin
        .strip_prefix("sha256=")
        .is_some_and(|digits| digits.len() == DIGEST_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    match base.starts_with("rtsps://") && is_digest {
        true => Ok(Some(format!("{base}#{pin}"))),
        false => {
            let problem =
                "may end with #sha256= and the 64 hexadecimal digits of a certificate, behind rtsps://host:port";
            Err(source.error("rtsp", problem))
        }
    }
}

fn credentials(source: &Fields<'_>) -> Result<Option<Secret>, FieldError> {
    let text = source.string("credentials")?;
    if text.is_some_and(|text| text.len() > MAX_CREDENTIALS || !text.contains(':')) {
        let problem = format!("must be user:password, at most {MAX_CREDENTIALS} bytes");
        return Err(source.error("credentials", problem));
    }
    Ok(text.map(Secret::new))
}

fn path(source: &Fields<'_>) -> Result<String, FieldError> {
    let path = source.string("path")?.unwrap_or(DEFAULT_PATH);
    let is_legal = path.len() <= MAX_TEXT && path.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_legal || path.split('/').any(str::is_empty) {
        let problem = "must be a path without slashes at its ends, such as {app}/{channel}";
        return Err(source.error("path", problem));
    }
    Ok(path.to_owned())
}

fn streams(source: &Fields<'_>) -> Result<BTreeMap<String, SecretUrl>, FieldError> {
    let given = source.require("streams", source.object("streams")?)?;
    let uids: Vec<_> = given.names().collect();
    if uids.is_empty() || uids.len() > MAX_STREAMS {
        return Err(source.error("streams", format!("must hold 1 to {MAX_STREAMS} uids with their URLs")));
    }
    let is_uid = |uid: &str| {
        (1..=48).contains(&uid.len()) && uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let mut streams = BTreeMap::new();
    for uid in uids {
        if !is_uid(uid) {
            return Err(source.error("streams", "must have uids of 1 to 48 characters: a-z A-Z 0-9 _ -"));
        }
        let url = given
            .string(uid)?
            .filter(|url| url.len() <= 8 * MAX_TEXT && stream_url(url));
        let url = url.ok_or_else(|| given.error(uid, "must be a whole URL of rtsp://, rtsps://, rtsp+http:// or rtsps+http://; what a GET shows is shortened"))?;
        streams.insert(uid.to_owned(), SecretUrl::new(url));
    }
    Ok(streams)
}
