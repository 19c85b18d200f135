use protocol::Refusal;
use serde::{Deserialize, Serialize};

use super::view::RecordingView;

/// What became of a [`Command`](super::Command).
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
    /// Query, Pause, Resume; Stop, when everything is uploaded.
    State(Box<RecordingView>),
    /// Stop: the order is given; uploads go on.
    Stopping(Box<RecordingView>),
    /// Update: it is in force, or will be as soon as the node hears of it.
    Updated,
    /// Update: nothing of it was done.
    Unfit(Unfit),
    /// Stop, Pause, Resume, Update: the recording ended, or began to end, before this call: an earlier stop, idleness, a failure.
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
    /// It is paused, and the change is for one that captures.
    Paused,
}
