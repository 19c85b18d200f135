//! One bounded GET of a JSON document.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::RosterError;

/// Longest answer that is read.
const MAX_BODY: usize = 16 << 20;

/// A client whose calls fail after `timeout` at the latest.
pub(super) fn client(timeout: Duration) -> Result<Client, RosterError> {
    Client::builder()
        .timeout(timeout)
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| RosterError::BadAddress {
            url: "the HTTP client".into(),
            reason: describe(&error),
        })
}

/// `base` with these segments, percent-encoded, behind its own path.
pub(super) fn url(base: &str, segments: &[&str]) -> Result<Url, RosterError> {
    let bad = |reason: String| RosterError::BadAddress {
        url: without_userinfo(base),
        reason,
    };
    let mut url = Url::parse(base).map_err(|error| bad(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it does not begin with http:// or https://".into()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("user name and password must be given separately".into()));
    }
    url.path_segments_mut()
        .map_err(|()| bad("it cannot have a path".into()))?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

/// # Errors
/// All of [`RosterError`] but `BadAddress`. `url` is what they name: it must carry no secret.
pub(super) async fn get_json<T: DeserializeOwned>(request: RequestBuilder, url: &Url) -> Result<T, RosterError> {
    let unreachable = |error: reqwest::Error| RosterError::Unreachable {
        url: url.to_string(),
        reason: describe(&error),
    };
    let mut response = request.send().await.map_err(unreachable)?;
    match response.status() {
        StatusCode::OK => {}
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(RosterError::Unauthorized {
                url: url.to_string(),
                status: status.as_u16(),
            });
        }
        status => {
            return Err(RosterError::Status {
                url: url.to_string(),
                status: status.as_u16(),
            });
        }
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(RosterError::TooLarge { url: url.to_string() });
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| RosterError::Malformed {
        url: url.to_string(),
        reason: error.to_string(),
    })
}

/// The innermost cause says what a person needs: "connection refused" rather than "error sending request".
fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// For errors about an address that may hold a user name and a password.
pub(super) fn without_userinfo(address: &str) -> String {
    address.rsplit_once('@').map_or(address, |(_, tail)| tail).to_owned()
}
