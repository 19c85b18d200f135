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

/// What somebody may do by their channel token, whatever their role; everything where no token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct May {
    pub play: bool,
    pub audio: bool,
    pub video: bool,
}

impl May {
    pub const ALL: Self = Self {
        play: true,
        audio: true,
        video: true,
    };

    pub fn is_nothing(self) -> bool {
        !(self.play || self.audio || self.video)
    }
}

impl Default for May {
    fn default() -> Self {
        Self::ALL
    }
}
