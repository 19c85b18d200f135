use protocol::{
    BackedUp, EndCause, Mode, Outputs, Phase, Pictures, Problem, RecordedFile, RecorderKey, Snapshots, Vod,
};
use serde::{Deserialize, Serialize};

use super::house::House;

/// The public state of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingView {
    pub key: RecorderKey,
    pub sid: String,
    pub status: Status,
    #[serde(default)]
    pub standing: Standing,
    pub mode: Mode,
    /// Whether it captures nothing until it is resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Of a recording that goes to the app's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house: Option<House>,
    /// Whether a mixed recording writes MP4 files beside the playlist.
    #[serde(default)]
    pub mp4: bool,
    /// What is written of it.
    #[serde(default, skip_serializing_if = "Outputs::is_default")]
    pub outputs: Outputs,
    /// How pictures are taken, where they are.
    #[serde(default)]
    pub snapshots: Option<Snapshots>,
    /// The phase that its node reported last; `None` until a node has it.
    #[serde(default)]
    pub phase: Option<Phase>,
    pub started_ms: u64,
    /// The wall-clock time of the first recorded media, Unix milliseconds.
    pub first_media_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    pub cause: Option<EndCause>,
    pub files: Vec<RecordedFile>,
    /// The pictures taken so far, where any are to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
    /// The videos of a recording that goes to a video-on-demand service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vod: Option<Vod>,
    /// Slices and playlists that the store has not confirmed yet.
    pub pending_uploads: u64,
    /// What the backup store has and the customer's store does not have yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backed_up: Option<BackedUp>,
    /// Since when the channel has been empty; `None` while it is not.
    pub idle_since_ms: Option<u64>,
    /// Who speaks, or spoke last: in a mix whose picture follows the speaker, or else as users' packets tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    pub problems: Vec<Problem>,
}

impl RecordingView {
    /// One that has been accepted, and of which nothing else is known.
    pub(crate) fn new(key: RecorderKey, sid: String, mode: Mode, started_ms: u64) -> Self {
        Self {
            key,
            sid,
            status: Status::Placing,
            standing: Standing::Waiting,
            mode,
            paused: false,
            house: None,
            mp4: false,
            outputs: Outputs::default(),
            snapshots: None,
            phase: None,
            started_ms,
            first_media_ms: None,
            ended_ms: None,
            cause: None,
            files: Vec::new(),
            pictures: None,
            vod: None,
            pending_uploads: 0,
            backed_up: None,
            idle_since_ms: None,
            speaker: None,
            problems: Vec::new(),
        }
    }
}

/// Media that a node has not brought to the store yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    pub node: String,
    /// When the node last told something new of it.
    pub since_ms: u64,
    /// Until when the edge keeps what it takes to upload it.
    pub until_ms: u64,
}

/// What a recording is doing, finer than its [`Status`], in the order of its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It waits for its first layout, or for the first media.
    #[default]
    Waiting,
    Capturing,
    Paused,
    /// It is to end, and its node has not ended capture yet.
    Closing,
    /// Capture has ended, and files are not finished yet.
    Finishing,
    /// All files are finished, and not all of them are in the store.
    Uploading,
    /// Over, and everything is uploaded.
    Done,
    /// Over by a failure.
    Failed,
}

/// How far a recording has come, in the order of its life.
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
