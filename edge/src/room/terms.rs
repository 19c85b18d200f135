use protocol::RoomSource;
use serde::{Deserialize, Serialize};

/// Names a socket of a room's object.
pub type SocketId = u64;

/// A media server, as the API names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub node_id: String,
    pub alias: String,
    /// `host:port`; empty where it is not known.
    #[serde(default)]
    pub address: String,
}

/// A track that a connected room publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedTrack {
    pub track_id: String,
    pub peer_id: String,
    pub source: RoomSource,
    pub on: bool,
}

/// Which of a peer's two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    #[serde(rename = "pub")]
    Publish,
    #[serde(rename = "sub")]
    Subscribe,
}
