//! What a dialect asks of a recording, and what it is told. The words are the core's own; each dialect turns its bytes
//! into a command and an outcome into its bytes.

use protocol::{
    BackedUp, EndCause, Mode, Phase, Pictures, Problem, RecordedFile, RecorderKey, RecordingSpec, Refusal, Scene,
    Secret, Selection, Snapshots, Vod,
};
use serde::{Deserialize, Serialize};

use super::Preference;

/// A call to the `Recorder` object of `key`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub key: RecorderKey,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Start(Box<Start>),
    Query(Target),
    Stop(Stop),
    Update(Update),
    UpdateLayout(UpdateLayout),
}

/// Starts the one recording that a resource ID is good for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The new recording's sid: 32 random lower-case hexadecimal characters, made by the caller.
    pub sid: String,
    pub ticket: Ticket,
    pub spec: RecordingSpec,
    /// The recording ends when the channel has been empty for so long.
    pub max_idle_ms: u64,
    /// When the channel token dies, Unix milliseconds, where one was verified.
    #[serde(default)]
    pub token_expires_ms: Option<u64>,
}

/// What the sealed resource ID says; the dialect has checked that it belongs to the key and is not too old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Unique to the resource ID.
    pub nonce: String,
    pub issued_ms: u64,
    /// For how long after the start the recording can be asked about and stopped.
    pub expires_hours: u32,
    #[serde(default)]
    pub preference: Preference,
}

/// A recording that has been started. `nonce` is of the resource ID that the caller shows, `None` for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub sid: String,
    pub nonce: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub target: Target,
    /// Answer when the order is given rather than when everything is uploaded.
    pub at_once: bool,
}

/// Changes whose streams are recorded, or with which keys they are stored. The old lists do not count any more: what is
/// `None` is subscribed to no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    pub target: Target,
    pub audio: Option<Selection>,
    pub video: Option<Selection>,
    /// Without lists, the lists stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Box<Renewal>>,
}

/// Keys of a recording's storage in the place of those that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The bucket that the caller means, if they say.
    pub bucket: Option<String>,
    /// The access key and its secret; `None`: as they were.
    pub pair: Option<(String, Secret)>,
    pub session_token: Option<Secret>,
    /// Unix milliseconds.
    pub session_ends_ms: Option<u64>,
}

/// Delivers events of a recording once more; those that wait anyway are not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub sid: String,
    /// In the order in which they are to be delivered.
    pub numbers: Vec<u64>,
}

/// Replaces the scene of a mixed recording; its version is set by the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateLayout {
    pub target: Target,
    pub scene: Scene,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Start: the node has accepted and captures.
    Started { sid: String },
    /// Start: this resource ID runs this recording already.
    AlreadyStarted { sid: String },
    /// Start: another resource ID of the same key runs a recording.
    Conflict { sid: String },
    /// Start: this resource ID has had its recording.
    TicketSpent,
    /// Start: no node took it; nothing was recorded. `refusal.fault` says whose fault it is.
    Refused(Refusal),
    /// Query; Stop, when everything is uploaded.
    State(Box<RecordingView>),
    /// Stop: the order is given; uploads go on.
    Stopping(Box<RecordingView>),
    /// Update: it is in force, or will be as soon as the node hears of it.
    Updated,
    /// Update: nothing of it was done.
    Unfit(Unfit),
    /// Stop, Update: the recording ended, or began to end, before this call: an earlier stop, idleness, a failure.
    AlreadyEnded(Box<RecordingView>),
    /// All but Start: no such recording, or its resource has expired. The reason is for a person.
    NotFound { reason: String },
    /// All but Start: the sid is of another resource ID.
    Mismatch,
}

/// Why a change does not fit its recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// It has no layout.
    NotMixed,
    /// It was started for audio only, and the change has a list for video.
    AudioOnly,
    /// It was started for video only, and the change has a list for audio.
    VideoOnly,
    /// The lists leave nothing to record.
    Empty,
    /// Its storage cannot be opened any more.
    StorageLost,
    /// It goes to a video-on-demand service.
    KeysOfVod,
    /// Its store knows no session tokens.
    SessionToken,
    /// The keys are of another bucket.
    OtherBucket,
}

/// The public state of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingView {
    pub key: RecorderKey,
    pub sid: String,
    pub status: Status,
    pub mode: Mode,
    /// Mixed: MP4 files are written beside the playlist.
    #[serde(default)]
    pub mp4: bool,
    /// Pictures are taken.
    #[serde(default)]
    pub snapshots: Option<Snapshots>,
    /// As its node told it last; `None` until a node has it.
    #[serde(default)]
    pub phase: Option<Phase>,
    pub started_ms: u64,
    /// Wall-clock time of the first recorded media.
    pub first_media_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    pub cause: Option<EndCause>,
    pub files: Vec<RecordedFile>,
    /// Taken so far, when pictures are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
    /// Of a recording that goes to a video-on-demand service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vod: Option<Vod>,
    /// Slices and playlists that the store has not confirmed yet.
    pub pending_uploads: u64,
    /// While the backup store has what the customer's store has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backed_up: Option<BackedUp>,
    /// When the channel is empty: since when.
    pub idle_since_ms: Option<u64>,
    pub problems: Vec<Problem>,
}

/// In the order of a recording's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; a node is being found.
    Placing,
    /// A node has accepted; no media yet.
    Started,
    /// Media is being recorded.
    Recording,
    /// A stop has been asked for, or the recording ends by itself; uploads go on.
    Stopping,
    /// Over, and everything is uploaded.
    Ended,
    /// Over by a failure: the cause and the problems say which.
    Failed,
}
