use serde::{Deserialize, Serialize};

use crate::{
    ChannelLease, ChannelNews, Desired, Elsewhere, EntryAnswer, EntryQuestion, FollowQuestion, HeartbeatAnswer,
    HeldRecording, Job, JobRequest, Joined, Joining, LiveChannel, LiveQuestion, Playback, PlaybackState, Refusal,
    Report, ReportAnswer, RoomAsk, RoomNews, RoomReply, Roster, RtcCall, RtcReply, UserRemoval,
};

/// What a node asks the edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeAsk {
    /// Its sign of life.
    Beat(Beat),
    /// The newest state of a recording; it is answered with what is wanted of it.
    Report(Box<Report>),
    /// A report with nothing new but slices, to be kept in case the node is lost before it is sent as a [`Self::Report`].
    Keep(Box<Report>),
    /// The job of a recording whose spool it holds.
    Job(JobRequest),
    /// Whether it may let somebody into a channel.
    Entry(EntryQuestion),
    /// What is new of the channels that it carries.
    Channels(ChannelNews),
    /// Where a channel lives besides.
    Follow(FollowQuestion),
    /// What has happened to connections of a room.
    Room(RoomNews),
}

/// A node's sign of life: what changes of it while a line lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// Its load, from 0 (idle) to 1 (no room).
    pub load: f64,
    /// Whether it takes no new work.
    pub draining: bool,
    /// Whether it takes no new work because its spool is nearly full.
    #[serde(default)]
    pub spool_full: bool,
    /// As in [`Heartbeat`](crate::Heartbeat).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<f64>,
    /// The recordings that it holds, including ended ones that still upload.
    pub recordings: Vec<HeldRecording>,
}

/// The edge's answer to the [`NodeAsk`] of the same name, and to those that need none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeAnswer {
    Beat(HeartbeatAnswer),
    Report(Box<ReportAnswer>),
    /// It survives the node, and whatever keeps it.
    Kept,
    Job(Box<Job>),
    Entry(EntryAnswer),
    Channels(ChannelLease),
    Follow(Elsewhere),
    Noted,
    Refused(Refusal),
}

/// What the edge asks a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeAsk {
    /// To take a job. It is answered once the recording's process is up and its bucket is proven.
    Job(Box<Job>),
    Desired(Box<Desire>),
    Roster(RosterQuestion),
    /// To take note of where a channel lives that it follows.
    Elsewhere(Elsewhere),
    /// What is published to it.
    Live(LiveQuestion),
    /// To disconnect who publishes as this user.
    Remove(UserRemoval),
    /// To begin, change or end a session by WebRTC. Nodes that serve none, or are too old to know the question, refuse it.
    Rtc(Box<RtcCall>),
    /// To begin, change or end connections of a room. The same nodes refuse it.
    Room(Box<RoomAsk>),
    /// To make one file of several, or to say how far it has come with that. Nodes that are too old to know the question refuse it.
    Join(Box<Joining>),
    /// To make a recording of one file that came in pieces, or to say how far it has come with that. Nodes that are too old to know
    /// the question refuse it.
    Import(Box<Joining>),
    /// To publish a recorded file into a channel, or to say how far it has come with that. The same nodes refuse it.
    Playback(Box<Playback>),
}

/// What is wanted of a recording now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desire {
    pub sid: String,
    pub desired: Desired,
    /// It is answered when what is wanted has been reached, or after so long.
    pub wait_ms: u64,
}

/// A question about a channel that the node's own channel server carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterQuestion {
    pub app_id: String,
    pub channel: String,
    /// The version that the asker knows: it is answered at the next change, or after `wait_ms`. Without it, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(default)]
    pub wait_ms: u64,
}

/// A node's answer to an [`EdgeAsk`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeAnswer {
    Report(Box<Report>),
    Roster(Roster),
    Noted,
    Live(Vec<LiveChannel>),
    /// So many streams have ended.
    Removed(u32),
    Rtc(Box<RtcReply>),
    Room(Box<RoomReply>),
    Joined(Box<Joined>),
    Playback(Box<PlaybackState>),
    Refused(Refusal),
}
