use protocol::{EndCause, Happening, Mode, Problem, RecordedFile, RecorderKey};
use serde::{Deserialize, Serialize};

use super::house::House;
use super::view::RecordingView;

/// The recording that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub key: RecorderKey,
    pub sid: String,
    pub mode: Mode,
    /// It makes nothing but pictures.
    pub pictures_only: bool,
}

/// One event of a recording, to be rendered by the dialect of its app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// From 0, without holes, in the order of the events of one recording.
    pub number: u64,
    /// When the edge learnt of it.
    pub at_ms: u64,
    pub event: Event,
}

/// What a customer may be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A node has accepted the recording and captures.
    RecorderStarted,
    /// The bucket is proven.
    UploaderStarted,
    /// Another node goes on with the recording; its recorder has this uid in the channel.
    FailedOver {
        uid: String,
    },
    /// A call did not fit the state of the recording, such as a second start.
    Misfit {
        /// With at most 32 files, and without videos.
        #[serde(rename = "snapshot")]
        view: Box<RecordingView>,
    },
    Problem(Problem),
    /// A recording in the app's own store is doing something else from here on: see its standing. With at most 32 files.
    Stands {
        view: Box<RecordingView>,
    },
    /// Nothing is captured from here on, until [`Event::Resumed`].
    Paused,
    Resumed,
    /// The channel token of the start has died; the recording goes on.
    TokenExpired,
    Happened(Happening),
    /// Slices in the store, and slices recorded.
    Progress {
        uploaded: u64,
        recorded: u64,
    },
    /// Capture has ended.
    RecorderLeft {
        cause: EndCause,
    },
    /// Everything is in the customer's store. Of very many files the first ones are listed.
    Uploaded {
        files: Vec<RecordedFile>,
    },
    /// A file of a recording in the app's own store is there as a whole, and all others are.
    FileReady {
        file: Box<RecordedFile>,
        house: Box<House>,
    },
    /// Everything is in a store, and some of it in the backup store only. Files as in `Uploaded`.
    BackedUp {
        files: Vec<RecordedFile>,
    },
    /// The video-on-demand service has made a video and takes its upload.
    VodStarted {
        video_id: String,
    },
    /// The video-on-demand service has everything.
    VodCompleted,
    /// The recording is over. `complete`: and everything is in the store.
    Exited {
        cause: EndCause,
        complete: bool,
    },
}
