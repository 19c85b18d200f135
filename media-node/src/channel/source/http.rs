//! One bounded GET of a JSON document.

use std::time::Duration;

use protocol::SecretUrl;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::RosterError;
use crate::outbound::{BodyError, innermost_cause, read_body};

/// Longest list that is read, in bytes.
pub(super) const MAX_BODY: usize = 16 << 20;

/// A client whose calls fail after `timeout` at the latest.
pub(super) fn client(timeout: Duration) -> Result<Client, RosterError> {
    Client::builder()
        .timeout(timeout)
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| RosterError::BadAddress {
            url: "the HTTP client".into(),
            reason: innermost_cause(&error),
        })
}

/// `base` with these segments, percent-encoded, behind its own path.
pub(super) fn url(base: &str, segments: &[&str]) -> Result<Url, RosterError> {
    let bad = |reason: String| RosterError::BadAddress {
        url: SecretUrl::new(base).to_string(),
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
    let mut room = MAX_BODY;
    get_json_within(request, url, &mut room).await
}

/// The same for one page of several, which share the room that is left for bytes.
pub(super) async fn get_json_within<T: DeserializeOwned>(
    request: RequestBuilder,
    url: &Url,
    room: &mut usize,
) -> Result<T, RosterError> {
    let unreachable = |error: reqwest::Error| RosterError::Unreachable {
        url: url.to_string(),
        reason: innermost_cause(&error),
    };
    let response = request.send().await.map_err(unreachable)?;
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
    let body = read_body(response, *room).await.map_err(|error| match error {
        BodyError::Http(error) => unreachable(error),
        BodyError::TooLong { .. } => RosterError::TooLarge { url: url.to_string() },
    })?;
    *room -= body.len();
    serde_json::from_slice(&body).map_err(|error| RosterError::Malformed {
        url: url.to_string(),
        reason: error.to_string(),
    })
}
