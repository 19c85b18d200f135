use std::time::Duration;

use protocol::line::{MAX_MESSAGE_BYTES, NODE_PARAMETER, PATH};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, Response, StatusCode, Upgraded, redirect};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::agent::http::{CONNECT_TIME, Http, reason};
use crate::outbound::innermost_cause;

/// How long the edge may take to accept the socket.
const ACCEPT_TIME: Duration = Duration::from_secs(15);

/// Why a line cannot be opened, or has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The edge is of a version that has no lines.
    #[error("the edge offers no lines")]
    NotOffered,
    /// It is of no use to try again at once.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Broken(String),
}

impl LineError {
    pub(super) fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Opens sockets, by the same client as calls are made, with the same trust, proxies and names.
pub(super) struct Connector {
    client: Client,
    http: Http,
    node_id: String,
}

impl Connector {
    pub(super) fn new(http: Http, node_id: String) -> Result<Self, LineError> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIME)
            .redirect(redirect::Policy::none())
            .http1_only()
            .build()
            .map_err(LineError::broken)?;
        Ok(Self { client, http, node_id })
    }

    pub(super) async fn open(&self) -> Result<WebSocketStream<Upgraded>, LineError> {
        let opened = tokio::time::timeout(ACCEPT_TIME, self.handshake()).await;
        opened.unwrap_or_else(|_| Err(LineError::broken("the edge does not accept the line in time")))
    }

    async fn handshake(&self) -> Result<WebSocketStream<Upgraded>, LineError> {
        let url = self.http.base().join(PATH.trim_start_matches('/'));
        let key = generate_key();
        let request = self
            .client
            .get(url.map_err(LineError::broken)?)
            .query(&[(NODE_PARAMETER, &self.node_id)])
            .bearer_auth(self.http.token().expose())
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = request
            .send()
            .await
            .map_err(|error| LineError::broken(innermost_cause(&error)))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refused(response).await);
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted.map(|accepted| accepted.as_bytes()) != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(LineError::broken("what answers is not the edge's WebSocket"));
        }
        let upgraded = response
            .upgrade()
            .await
            .map_err(|error| LineError::broken(innermost_cause(&error)))?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await)
    }
}

async fn refused(response: Response) -> LineError {
    let status = response.status();
    let why = format!("{} (status {})", reason(response).await, status.as_u16());
    match status {
        StatusCode::NOT_FOUND => LineError::NotOffered,
        status if status.is_client_error() => LineError::Refused(why),
        _ => LineError::Broken(why),
    }
}
