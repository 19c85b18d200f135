use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{Secret, Storage};
use serde_json::Value;
use url::Url;

use super::rpc::{self, Moment};
use crate::clock::unix_ms;
use crate::outbound::{BodyError, Client, FetchError, innermost_cause, read_body};
use crate::random::random_id;
use crate::upload::fault::{UploadFault, short};

/// A call takes a fraction of a second. One that is given up may have made a video all the same.
const LIMIT: Duration = Duration::from_secs(30);
/// Answers are some kilobytes long.
const MOST_BYTES: usize = 256 << 10;

/// The API of the service.
#[derive(Clone, Debug)]
pub(super) struct Api {
    endpoint: Url,
    access_key: String,
    secret: Secret,
    client: Client,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(super) enum ApiFault {
    /// The service's own words.
    Answered { status: u16, code: String, message: String },
    /// It did not answer, or not in its own way.
    Silent(String),
    /// It may not be asked.
    Blocked(String),
}

impl Api {
    pub(super) fn new(storage: &Storage, client: &Client) -> Result<Self, String> {
        if storage.access_key.is_empty() || storage.secret_key.is_empty() {
            return Err("its keys are missing".to_owned());
        }
        Ok(Self {
            endpoint: Url::parse(&storage.endpoint).map_err(|error| format!("its endpoint is not a URL: {error}"))?,
            access_key: storage.access_key.clone(),
            secret: storage.secret_key.clone(),
            client: client.clone(),
        })
    }

    /// Makes a video, to be uploaded from a file of this name.
    pub(super) async fn create(&self, video: &BTreeMap<String, String>, file_name: &str) -> Result<Value, ApiFault> {
        let described = video.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters: Vec<_> = described.chain([("FileName", file_name)]).collect();
        self.call("CreateUploadVideo", &parameters).await
    }

    /// New credentials for a video that has been made.
    pub(super) async fn refresh(&self, video_id: &str) -> Result<Value, ApiFault> {
        self.call("RefreshUploadVideo", &[("VideoId", video_id)]).await
    }

    async fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Value, ApiFault> {
        let nonce = random_id().map_err(|error| ApiFault::Silent(format!("the system has no randomness: {error}")))?;
        let moment = Moment {
            at_ms: unix_ms(),
            nonce: &nonce,
        };
        let form = rpc::form(action, parameters, &self.access_key, &self.secret, moment);
        let answer = self.client.post_form(self.endpoint.clone(), form, LIMIT).await;
        let answer = answer.map_err(|error| match error {
            FetchError::Blocked(blocked) => ApiFault::Blocked(blocked.to_string()),
            FetchError::Http(error) => ApiFault::silent(&error),
        })?;
        let status = answer.status().as_u16();
        let body = read_body(answer, MOST_BYTES).await.map_err(|error| match error {
            BodyError::Http(error) => ApiFault::silent(&error),
            BodyError::TooLong { .. } => ApiFault::Silent(error.to_string()),
        })?;
        let answer = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        match (status, text("Code")) {
            (200, "") => Ok(answer),
            (_, "") => Err(ApiFault::Silent(format!("HTTP status {status}"))),
            (_, code) => Err(ApiFault::Answered {
                status,
                code: code.to_owned(),
                message: short(text("Message")),
            }),
        }
    }
}

impl ApiFault {
    fn silent(error: &reqwest::Error) -> Self {
        Self::Silent(short(&innermost_cause(error)))
    }

    /// The service knows the caller and has no such video.
    pub(super) fn is_about_the_video(&self) -> bool {
        match self {
            Self::Answered { status, code, .. } => {
                *status < 500
                    && ["InvalidVideo", "InvalidParameter"]
                        .iter()
                        .any(|known| code.starts_with(known))
            }
            Self::Silent(_) | Self::Blocked(_) => false,
        }
    }

    /// What it means for an upload. `creating`: what was asked for is a new video, so that parameters are the customer's.
    pub(super) fn into_upload_fault(self, creating: bool) -> UploadFault {
        match self {
            Self::Silent(said) => UploadFault::Unavailable(said),
            Self::Blocked(said) => UploadFault::Refused(said),
            Self::Answered { status, code, message } => {
                let said = format!("{code}: {message}");
                if status >= 500 || is_passing(&code) {
                    UploadFault::Unavailable(said)
                } else if creating && is_about_parameters(&code) {
                    UploadFault::Rejected(said)
                } else {
                    UploadFault::Refused(said)
                }
            }
        }
    }
}

/// Another call may fare better: too many at a time, this machine's clock, a nonce that came twice.
fn is_passing(code: &str) -> bool {
    let starts = [
        "Throttling",
        "ServiceUnavailable",
        "ServiceUnAvailable",
        "InternalError",
        "SignatureNonceUsed",
        "InvalidTimeStamp",
        "IllegalTimestamp",
    ];
    starts.iter().any(|start| code.starts_with(start))
}

fn is_about_parameters(code: &str) -> bool {
    let starts = [
        "Invalid",
        "Missing",
        "IllegalCharacters",
        "LengthExceeded",
        "TagsExceeded",
    ];
    let is_about_keys = code.starts_with("InvalidAccessKey") || code.starts_with("InvalidSecurityToken");
    !is_about_keys && starts.iter().any(|start| code.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        let table = [
            ("CreateUploadVideo", 400, "InvalidFileName.Extension", "rejected"),
            ("CreateUploadVideo", 400, "LengthExceededMax", "rejected"),
            ("CreateUploadVideo", 404, "InvalidTemplateGroupId.NotFound", "rejected"),
            ("CreateUploadVideo", 404, "InvalidAccessKeyId.NotFound", "refused"),
            ("CreateUploadVideo", 400, "SignatureDoesNotMatch", "refused"),
            ("CreateUploadVideo", 403, "Forbidden.InitFailed", "refused"),
            ("CreateUploadVideo", 403, "OperationDenied.Suspended", "refused"),
            ("CreateUploadVideo", 503, "AddVideoFailed", "unavailable"),
            ("CreateUploadVideo", 400, "Throttling.User", "unavailable"),
            ("CreateUploadVideo", 400, "InvalidTimeStamp.Expired", "unavailable"),
            ("RefreshUploadVideo", 404, "InvalidVideo.NotFound", "refused"),
            ("RefreshUploadVideo", 500, "InternalError", "unavailable"),
        ];
        for (action, status, code, wanted) in table {
            let fault = ApiFault::Answered {
                status,
                code: code.to_owned(),
                message: "m".to_owned(),
            };
            let found = match fault.into_upload_fault(action == "CreateUploadVideo") {
                UploadFault::Rejected(_) => "rejected",
                UploadFault::Refused(_) => "refused",
                UploadFault::Unavailable(_) => "unavailable",
                _ => "other",
            };
            assert_eq!(found, wanted, "{code}");
        }
    }
}
