use std::time::Duration;

use protocol::{
    EntryAnswer, EntryQuestion, Heartbeat, HeartbeatAnswer, Job, JobRequest, Refusal, Report, ReportAnswer, Secret,
};
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::EdgeError;
use crate::outbound::{innermost_cause, read_body};

pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);
const CALL_TIME: Duration = Duration::from_secs(15);
/// A job names at most some thousand users, an answer to a report as many playlists.
const MOST_BYTES: usize = 16 << 20;
const MOST_REFUSAL_BYTES: usize = 64 << 10;
/// An edge's refusal is a sentence.
const MAX_REASON_CHARS: usize = 300;

/// The edge's API for nodes over HTTP, and whatever else a connection to the edge takes.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    base: Url,
    token: Secret,
}

impl Http {
    /// An error says what is wrong with the address.
    pub(super) fn new(base: &str, token: Secret) -> Result<Self, String> {
        let parsed = Url::parse(base).ok();
        let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(mut base) = parsed.filter(is_http) else {
            return Err(format!(
                "{base} does not have the form https://edge.example.com: correct TAPEDECK_EDGE_URL"
            ));
        };
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIME)
            .timeout(CALL_TIME)
            .build()
            .map_err(|error| format!("no HTTP client can be created: {error}"))?;
        Ok(Self { client, base, token })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    pub(super) async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<HeartbeatAnswer, EdgeError> {
        self.call("node/v1/heartbeats", heartbeat).await
    }

    pub(super) async fn report(&self, report: &Report) -> Result<ReportAnswer, EdgeError> {
        self.call("node/v1/reports", report).await
    }

    pub(super) async fn job(&self, request: &JobRequest) -> Result<Job, EdgeError> {
        self.call("node/v1/jobs", request).await
    }

    pub(super) async fn entry(&self, question: &EntryQuestion) -> Result<EntryAnswer, EdgeError> {
        self.call("node/v1/entries", question).await
    }

    async fn call<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, EdgeError> {
        let away = |reason: String| EdgeError::Away {
            base: self.base.to_string(),
            reason: reason.chars().take(MAX_REASON_CHARS).collect(),
        };
        let url = self.base.join(path).map_err(|error| away(error.to_string()))?;
        let request = self.client.post(url).bearer_auth(self.token.expose()).json(body);
        let response = request.send().await.map_err(|error| away(innermost_cause(&error)))?;
        let status = response.status();
        if status.is_success() {
            let body = read_body(response, MOST_BYTES).await;
            let body = body.map_err(|error| away(innermost_cause(&error)))?;
            return serde_json::from_slice(&body).map_err(|error| away(error.to_string()));
        }
        let reason = reason(response).await;
        Err(if status == StatusCode::NOT_FOUND {
            EdgeError::Unknown { reason }
        } else {
            let reason = format!("{reason} (status {})", status.as_u16());
            EdgeError::Refused { reason }
        })
    }
}

/// What an answer that refuses says.
pub(super) async fn reason(response: Response) -> String {
    let text = read_body(response, MOST_REFUSAL_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    match serde_json::from_str::<Refusal>(&text) {
        Ok(refusal) => refusal.reason,
        Err(_) => text.chars().take(MAX_REASON_CHARS).collect(),
    }
}
