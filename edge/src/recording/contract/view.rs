use protocol::{BackedUp, EndCause, Mode, Phase, Pictures, Problem, RecordedFile, RecorderKey, Snapshots, Vod};
use serde::{Deserialize, Serialize};

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
