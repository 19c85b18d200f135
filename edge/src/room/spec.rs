use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::limits::MAX_PEERS;
use super::showing::Playback;
use super::terms::{Server, SharedTrack};

/// What kind of room it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only who is invited joins, and everybody may publish.
    Conversation {
        invited: BTreeSet<String>,
        /// Members that are there at a time; 0 for no limit of its own.
        max_members: u32,
    },
    /// Everybody joins; the master publishes, and whom the master's back end has raised.
    Live { raised: BTreeMap<String, Raised> },
}

/// What somebody of the audience may publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Sound they may in any case.
    pub video: bool,
    pub max_bitrate: u64,
}

/// How media travels in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transport {
    /// 0 UDP, 1 TCP, 2 both with UDP first, 3 both with TCP first.
    pub protocol: u8,
    /// Bits a second of one peer.
    pub min_bitrate: u64,
    pub max_bitrate: u64,
}

/// What a new room is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    pub kind: Kind,
    pub master_id: String,
    pub transport: Transport,
    pub server: Server,
    /// What it shows, as its master: such a room ends with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback: Option<Box<Playback>>,
}

/// What is known of a room besides who is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    pub kind: Kind,
    pub master_id: String,
    pub transport: Transport,
    /// Where its media goes first.
    pub server: Server,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<Server>,
    /// Whether somebody may join.
    pub open: bool,
    /// The lobby knows it.
    #[serde(default)]
    pub registered: bool,
    /// The rooms that it is connected with, and the version of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<String>,
    #[serde(default)]
    pub merged_version: u64,
    /// Tracks of connected rooms that are not shown here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paused: BTreeSet<String>,
    /// Its newest recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
    /// As [`Creation::playback`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback: Option<Box<Playback>>,
    /// Since when nobody has been in it, Unix milliseconds.
    pub idle_ms: Option<u64>,
}

impl Spec {
    pub(super) fn new(creation: Creation, now_ms: u64) -> Self {
        Self {
            kind: creation.kind,
            master_id: creation.master_id,
            transport: creation.transport,
            server: creation.server,
            mirrors: Vec::new(),
            open: true,
            registered: false,
            merged: Vec::new(),
            merged_version: 0,
            paused: BTreeSet::new(),
            record_id: None,
            playback: creation.playback,
            idle_ms: Some(now_ms),
        }
    }

    /// Since when nobody has been in it and nothing is awaited.
    pub(super) fn idle_since_ms(&self) -> Option<u64> {
        let awaited_ms = self.playback.as_ref().map_or(0, |playback| playback.awaited_until_ms());
        self.idle_ms.map(|since_ms| since_ms.max(awaited_ms))
    }

    pub fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Live { .. })
    }

    /// What a peer of this id may do.
    pub(super) fn role(&self, peer_id: &str) -> Role {
        match &self.kind {
            _ if peer_id == self.master_id => Role::Master,
            Kind::Conversation { .. } => Role::Member,
            Kind::Live { raised } => match raised.get(peer_id) {
                Some(raised) => Role::Cohost(*raised),
                None => Role::Audience,
            },
        }
    }

    /// Members that may be there at a time.
    pub(super) fn capacity(&self) -> usize {
        match self.kind {
            Kind::Conversation { max_members, .. } if max_members > 0 => {
                usize::try_from(max_members).unwrap_or(MAX_PEERS)
            }
            _ => MAX_PEERS,
        }
    }

    /// All of its servers, the first one first.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(&self.server).chain(&self.mirrors)
    }
}

/// What a peer is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Member,
    Cohost(Raised),
    Audience,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Member => "member",
            Self::Cohost(_) => "cohost",
            Self::Audience => "audience",
        }
    }

    pub(super) fn can_audio(self) -> bool {
        self != Self::Audience
    }

    pub(super) fn can_video(self) -> bool {
        match self {
            Self::Cohost(raised) => raised.video,
            role => role.can_audio(),
        }
    }
}

/// What is known of a connected room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// The version of `tracks`.
    pub version: u64,
    pub tracks: Vec<SharedTrack>,
    /// The newest version of this room's own tracks that it has heard.
    pub told: u64,
}
