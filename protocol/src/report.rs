use serde::{Deserialize, Serialize};

use crate::{
    Confirmed, Desired, EndCause, InventoryPage, JobRequest, Occurrences, Problem, RecorderKey, SpoolReport, TrackKind,
    Vod,
};

/// The longest message between edge and node, and between the processes of a node, in bytes of JSON.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The state of one recording as its node sees it. Each report replaces the ones before it; only the files that one of them
/// has listed stay known when a later one does not list them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub node_id: String,
    pub recorder: RecorderKey,
    pub sid: String,
    pub epoch: u64,
    /// A number that grows with each report of one epoch, over restarts too; a report whose number is not higher is late and
    /// is ignored.
    pub seq: u64,
    pub at_ms: u64,
    pub phase: Phase,
    /// Why capture ended, from `Draining` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EndCause>,
    /// Since when the channel has been empty, by the job's channel type; `None` while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since_ms: Option<u64>,
    /// The wall-clock time of the first recorded media, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_media_ms: Option<u64>,
    /// One for each playlist and each whole file, in the order in which they were made, as many as fit into
    /// [`MAX_MESSAGE_BYTES`]; pictures are not among them.
    pub files: Vec<RecordedFile>,
    /// The pictures of a recording that takes some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
    /// Files and playlists in the spool that the store has not confirmed.
    pub pending_uploads: u64,
    /// What the backup store has and the customer's store does not have yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backed_up: Option<BackedUp>,
    /// Packets that never came, by the gaps in their sequence numbers.
    #[serde(default)]
    pub lost_packets: u64,
    /// Units of audio and video that were given another time than their sender's, because its timestamps stood still, went
    /// back or leapt.
    #[serde(default)]
    pub restamped_units: u64,
    /// The counters of a mixed recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<MixCounters>,
    /// Who speaks, or spoke last: in a mix whose picture follows the speaker, or else as users' packets tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// The newest problems, oldest first; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    #[serde(default)]
    pub occurrences: Occurrences,
    /// The videos of a recording that goes to a video-on-demand service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vod: Option<Vod>,
    #[serde(default)]
    pub spool: SpoolReport,
}

impl Report {
    /// A report of a recording that has neither media nor problems.
    pub fn bare(of: JobRequest, seq: u64, at_ms: u64, phase: Phase) -> Self {
        let JobRequest {
            node_id,
            recorder,
            sid,
            epoch,
        } = of;
        Self {
            node_id,
            recorder,
            sid,
            epoch,
            seq,
            at_ms,
            phase,
            cause: None,
            idle_since_ms: None,
            first_media_ms: None,
            files: Vec::new(),
            pictures: None,
            pending_uploads: 0,
            backed_up: None,
            lost_packets: 0,
            restamped_units: 0,
            mix: None,
            speaker: None,
            problems: Vec::new(),
            occurrences: Occurrences::default(),
            vod: None,
            spool: SpoolReport::default(),
        }
    }
}

/// What was mixed since the recording's present process began, and what of it is less than it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MixCounters {
    /// Pictures of the output.
    pub frames: u64,
    /// Those pictures of the output that are the same as the one before.
    pub frames_repeated: u64,
    /// Pictures left out because the node could not keep up.
    pub frames_shed: u64,
    /// What was decoded of users' pictures: of those that come in several sizes no more than is shown.
    #[serde(default)]
    pub pixels_decoded: u64,
    /// Pictures of users that were damaged, came without what they build on, or were too many.
    pub pictures_lost: u64,
    /// Samples of the output, for each channel.
    pub samples: u64,
    /// Samples of users that did not come, each replaced by silence.
    pub samples_missing: u64,
    /// How far the mix is behind, in milliseconds beyond the time that it waits for late packets.
    pub behind_ms: u64,
}

/// What the backup store has and the customer's store does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    pub files: u64,
    /// Whether nothing is left on the node alone.
    pub complete: bool,
}

/// The pictures of a recording so far, all users together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictures {
    pub taken: u64,
    /// Those that the store has confirmed.
    pub uploaded: u64,
    /// The newest one, by its object's key in the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// The state of a recording's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The process is up and the bucket is reachable; capture begins.
    Starting,
    Recording,
    /// Capture has ended; uploads go on.
    Draining,
    /// All is uploaded, or given up with a problem; the process is gone.
    Ended,
}

/// One playlist and what it holds, or one file of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// The object's key in the bucket: prefix and name.
    pub name: String,
    pub track: TrackKind,
    #[serde(default)]
    pub kind: FileKind,
    /// The uid of the one user in it; `0` when all users are mixed in it.
    pub uid: String,
    /// The wall-clock time of the first media in it, Unix milliseconds.
    pub start_ms: u64,
    pub duration_ms: u64,
    /// Its complete slices; a whole file counts as one when it is complete.
    pub slices: u64,
    pub bytes: u64,
    /// Slices that the store has confirmed.
    pub uploaded_slices: u64,
    /// The MD5 of a whole file that is complete, 32 lower-case hexadecimal characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
}

/// What a recorded file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    #[default]
    Playlist,
    Mp4,
    M4a,
    Mp3,
}

/// What the edge answers to a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportAnswer {
    pub desired: Desired,
    /// How far the edge has taken over the report's log; `None` while it has nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    /// For how long after it sent the report the holder of the lease may write playlists, in milliseconds: then another node
    /// may have been given the lease. Slices are uploaded all the same. `None` when there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// Whether the lease lasts as long as the node's own on the line over which this is answered, rather than for a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub node_lease: bool,
    #[serde(default)]
    pub inventory: InventoryPage,
}
