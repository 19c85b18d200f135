use std::collections::{BTreeMap, BTreeSet};

use protocol::StreamName;
use serde::{Deserialize, Serialize};

use crate::object;

/// A kind of media that a user sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    Sound,
    Camera,
    Screen,
    Whiteboard,
}

impl Media {
    /// What a stream stands for. Who publishes a camera is heard by it too; the smaller version of a stream is none of its own.
    pub fn of(stream: StreamName) -> &'static [Self] {
        match stream {
            StreamName::Camera => &[Self::Sound, Self::Camera],
            StreamName::Audio => &[Self::Sound],
            StreamName::Screen => &[Self::Screen],
            StreamName::Whiteboard => &[Self::Whiteboard],
            StreamName::Low => &[],
        }
    }
}

/// A user of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub uid: String,
    pub streams: Vec<StreamName>,
}

/// What the feed of this app is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub app_id: String,
    pub request: Request,
}

/// What a feed can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A channel tells who is in it; nobody any more, if there are no users.
    Roster {
        channel: String,
        users: Vec<User>,
    },
    /// A recorder tells how a recording of a channel stands.
    Told {
        channel: String,
        sid: String,
        /// Grows with each that is told of the recording.
        number: u64,
        /// What is told, in words that only the app's dialect reads.
        text: String,
    },
    /// Somebody wants to be told from now on.
    Subscribe {
        listener: String,
        /// Of these channels only; `None` for all.
        channels: Option<BTreeSet<String>>,
        /// And what has happened behind this number, as far as it is kept.
        since: Option<u64>,
    },
    Leave {
        listener: String,
    },
    /// Who is in these channels, or in all.
    Look {
        channels: Option<BTreeSet<String>>,
    },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done,
    /// Nothing more fits: the limit is one of this folder's.
    Full,
    State {
        version: u64,
        channels: Vec<ChannelState>,
    },
}

/// Who is in a channel, by uid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    pub channel: String,
    pub users: Rows,
}

/// Users, each with their media.
pub type Rows = BTreeMap<String, BTreeSet<Media>>;

/// One thing that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// From 1, without holes, in the order in which things happen in the app.
    pub version: u64,
    pub channel: String,
    pub what: Happening,
}

/// What has happened in an app, as those hear it who listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    Joined { uid: String },
    Left { uid: String },
    MediaBegan { uid: String, media: Media },
    MediaEnded { uid: String, media: Media },
    Recording { sid: String, number: u64, text: String },
}

/// What happens to a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What came of [`Effect::Push`].
    Pushed { listener: String, pushed: Pushed },
}

/// What came of telling a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Sent,
    /// Nobody listens there any more.
    Gone,
    /// It could not be told; the listener sees that numbers are missing.
    Failed,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep a row, in the place of the one that has the same name. To be persisted with the state.
    Save(Row),
    /// Remove a row. To be persisted with the state.
    Remove { name: String },
    /// Tell a listener, in this order; answer with [`Event::Pushed`].
    Push {
        app_id: String,
        listener: String,
        events: Vec<Happened>,
    },
}

/// What is kept of a feed, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    Channel(ChannelState),
    Listener {
        listener: String,
        channels: Option<BTreeSet<String>>,
    },
    Happened(Happened),
}

impl Row {
    pub fn name(&self) -> String {
        match self {
            Self::Channel(state) => Self::name_of_channel(&state.channel),
            Self::Listener { listener, .. } => Self::name_of_listener(listener),
            Self::Happened(happened) => Self::name_of_event(happened.version),
        }
    }

    pub(super) fn name_of_channel(channel: &str) -> String {
        format!("channel:{channel}")
    }

    pub(super) fn name_of_listener(listener: &str) -> String {
        format!("listener:{listener}")
    }

    pub(super) fn name_of_event(version: u64) -> String {
        format!("event:{version}")
    }
}

pub type Input = object::Input<Question, Event>;
pub type Output = object::Output<Reply, Effect>;
