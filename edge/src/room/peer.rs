use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::RoomSource;
use serde::{Deserialize, Serialize};

use super::limits::{MAX_RECENT, MAX_WAITING, MAX_WAITING_BYTES};
use super::offer::MediaKind;
use super::terms::{May, Side, SocketId};

/// Somebody in a room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// `None` while it is broken, and of one who publishes by another protocol.
    pub socket: Option<SocketId>,
    /// What takes the place of the socket by another one; empty for one who has no socket at all.
    pub resume: String,
    /// Since when the socket is broken, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_ms: Option<u64>,
    /// When the present socket joined, Unix milliseconds.
    pub joined_ms: u64,
    /// The order of coming.
    pub number: u64,
    #[serde(default)]
    pub may: May,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishing: Option<Connection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribing: Option<Connection>,
    /// What it publishes, by the id of the track.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracks: BTreeMap<String, Track>,
    /// What the channel has listed it with, of one who publishes by another protocol.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) listed: BTreeSet<RoomSource>,
    #[serde(default)]
    pub(super) slots: Slots,
    /// The heights in which it wants tracks; 0: not at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wishes: BTreeMap<String, u32>,
    /// Messages that wait, with their numbers; the first `unsure` of them were sent, and may not have arrived.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(super) waiting: VecDeque<(u64, String)>,
    #[serde(default)]
    pub(super) unsure: usize,
    /// When it was last heard of by a frame, Unix milliseconds.
    #[serde(skip)]
    pub(super) heard_ms: u64,
    /// Those that were sent last. They may have gone to a socket that had broken already.
    #[serde(skip)]
    pub(super) recent: VecDeque<(u64, String)>,
    /// Connections that a node is being asked for.
    #[serde(skip)]
    pub(super) asking: Vec<Side>,
}

/// A connection of a peer at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub id: String,
    pub node_id: String,
    /// When the node has answered for it last, Unix milliseconds.
    #[serde(default)]
    pub since_ms: u64,
}

/// Something that a peer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    pub source: RoomSource,
    /// The peer has said so.
    pub muted: bool,
    /// The node has said that none comes.
    pub dry: bool,
}

impl Track {
    pub(super) fn is_on(self) -> bool {
        !self.muted && !self.dry
    }
}

pub(super) fn kind_of(source: RoomSource) -> MediaKind {
    match source {
        RoomSource::Audio => MediaKind::Audio,
        RoomSource::Camera | RoomSource::Screen => MediaKind::Video,
    }
}

/// The sections of a subscribing connection that receive, each with the track that it shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Slots {
    pub(super) version: u64,
    /// The version that the node has heard.
    pub(super) told: u64,
    pub(super) slots: Vec<Slot>,
    /// What the connection is known by to its peer.
    #[serde(default)]
    pub(super) origin: String,
    /// Slots that would show everything: sound and pictures.
    pub(super) want: (usize, usize),
}

/// One media section by which a peer gets one track after another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) mid: String,
    pub(super) kind: MediaKind,
    pub(super) track_id: Option<String>,
    /// As the node has to know it: the place of the track, the wished height, whether it pauses.
    pub(super) shown: Option<protocol::RoomSlot>,
}

impl Peer {
    pub(super) fn connection(&self, side: Side) -> Option<&Connection> {
        match side {
            Side::Publish => self.publishing.as_ref(),
            Side::Subscribe => self.subscribing.as_ref(),
        }
    }

    pub(super) fn set_connection(&mut self, side: Side, connection: Option<Connection>) {
        match side {
            Side::Publish => self.publishing = connection,
            Side::Subscribe => self.subscribing = connection,
        }
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.publishing.iter().chain(&self.subscribing)
    }

    /// What it publishes.
    pub(super) fn sources(&self) -> BTreeSet<RoomSource> {
        self.tracks.values().map(|track| track.source).collect()
    }

    /// Whether it signals, now or when it comes back.
    pub(super) fn has_client(&self) -> bool {
        !self.resume.is_empty()
    }

    /// Takes note of a message that was sent.
    pub(super) fn sent(&mut self, number: u64, text: String) {
        self.recent.push_back((number, text));
        if self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
    }

    /// Keeps a message until the peer is back. False when too many wait.
    pub(super) fn waits(&mut self, number: u64, text: String) -> bool {
        self.waiting.push_back((number, text));
        let bytes: usize = self.waiting.iter().map(|(_, text)| text.len()).sum();
        self.waiting.len() <= MAX_WAITING && bytes <= MAX_WAITING_BYTES
    }

    /// The socket has broken: what it may not have carried is kept.
    pub(super) fn breaks(&mut self, now_ms: u64) {
        self.socket = None;
        self.broken_ms = Some(now_ms);
        let mut unheard = std::mem::take(&mut self.recent);
        self.unsure = unheard.len();
        unheard.extend(std::mem::take(&mut self.waiting));
        self.waiting = unheard;
    }

    /// The messages that it has missed, as far as is known: `seen` is the last one that it has had.
    pub(super) fn missed(&mut self, seen: Option<u64>) -> Vec<(u64, String)> {
        let unsure = std::mem::take(&mut self.unsure);
        let waiting = std::mem::take(&mut self.waiting).into_iter().enumerate();
        let missed = waiting.filter(|(place, (number, _))| match seen {
            Some(seen) => *number > seen,
            None => *place >= unsure,
        });
        missed.map(|(_, message)| message).collect()
    }
}
