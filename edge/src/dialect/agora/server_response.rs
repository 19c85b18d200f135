//! `serverResponse`: what query and stop tell of a recording.

use protocol::{Fault, FileKind, Mode, Phase, Problem, ProblemCode, RecordedFile, TrackKind};
use serde::Serialize;

use super::extension_state::{ExtensionState, SubServiceStatus};
use super::flavour::Flavour;
use super::uploads::{is_backed_up, is_uploaded};
use crate::recording::{RecordingView, Status};

/// What is `None` is left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerResponse {
    /// `string` or `json`; with the list, absent when only pictures are made, and from query with a video-on-demand service.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_list_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_list: Option<FileList>,
    /// 1 to 8, or 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
    /// Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    slice_start_time: Option<u64>,
    /// `uploaded`, `backuped` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    uploading_status: Option<&'static str>,
    /// An addition to the vendor's API: whether nothing is captured until the recording is resumed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    /// An addition to the vendor's API: whoever speaks, or spoke last.
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<String>,
    /// An addition to the vendor's API: files that wait in the backup store.
    #[serde(skip_serializing_if = "Option::is_none")]
    backed_up_files: Option<u64>,
    /// The state of a recording that goes to a video-on-demand service; there together with the next field.
    #[serde(skip_serializing_if = "Option::is_none")]
    extension_service_state: Option<[ExtensionState; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_service_status: Option<SubServiceStatus>,
    /// An addition to the vendor's API: what went wrong while the recording ran.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemEntry>,
}

impl ServerResponse {
    pub(super) fn of_query(snapshot: &RecordingView, flavour: Flavour) -> Self {
        let has_files = snapshot.vod.is_none();
        Self {
            status: Some(number(snapshot, flavour)),
            slice_start_time: Some(snapshot.first_media_ms.unwrap_or(snapshot.started_ms)),
            speaker: snapshot.speaker.clone(),
            ..Self::with_files(snapshot, FileList::of(snapshot, flavour).filter(|_| has_files))
        }
    }

    pub(super) fn of_stop(snapshot: &RecordingView, flavour: Flavour) -> Self {
        let uploading_status = match (is_uploaded(snapshot), is_backed_up(snapshot)) {
            (true, _) => "uploaded",
            (false, true) => "backuped",
            (false, false) => "unknown",
        };
        Self {
            uploading_status: Some(uploading_status),
            ..Self::with_files(snapshot, FileList::of(snapshot, flavour))
        }
    }

    fn with_files(snapshot: &RecordingView, file_list: Option<FileList>) -> Self {
        let vod = snapshot.vod.as_ref();
        Self {
            file_list_mode: file_list.as_ref().map(FileList::mode),
            file_list,
            status: None,
            slice_start_time: None,
            uploading_status: None,
            paused: snapshot.paused,
            speaker: None,
            backed_up_files: snapshot.backed_up.map(|backed_up| backed_up.files),
            extension_service_state: vod.map(|vod| [ExtensionState::of(snapshot, vod)]),
            sub_service_status: vod.map(|_| SubServiceStatus::of(snapshot)),
            problems: snapshot.problems.iter().map(ProblemEntry::from).collect(),
        }
    }
}

/// What the API numbers the state of a recording with: 2 to 8, or 20.
pub(super) fn number(snapshot: &RecordingView, flavour: Flavour) -> u8 {
    let has_uploaded = || snapshot.files.iter().any(|file| file.uploaded_slices > 0);
    match snapshot.status {
        Status::Placing => 2,
        // The bucket is reachable, so uploads can begin; capture does not run yet.
        Status::Started if snapshot.phase == Some(Phase::Starting) => 3,
        Status::Started => 4,
        Status::Recording if flavour.runs_from_the_first_upload() && !has_uploaded() => 4,
        Status::Recording => 5,
        Status::Stopping if snapshot.phase >= Some(Phase::Draining) && is_uploaded(snapshot) => 7,
        Status::Stopping => 6,
        Status::Ended => 8,
        Status::Failed => 20,
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum FileList {
    /// The playlist's; empty until there is one.
    Name(String),
    Entries(Vec<FileEntry>),
}

impl FileList {
    /// `None` when only pictures are made.
    fn of(snapshot: &RecordingView, flavour: Flavour) -> Option<Self> {
        if snapshot.snapshots.is_some_and(|snapshots| snapshots.alone) {
            return None;
        }
        let is_mixed = snapshot.mode == Mode::Mix;
        let has_whole_files = snapshot.mp4 || !snapshot.outputs.files.is_empty();
        if is_mixed && !has_whole_files && !flavour.lists_mixed_files() {
            let playlist = snapshot.files.iter().find(|file| file.kind == FileKind::Playlist);
            return Some(Self::Name(playlist.map(|file| file.name.clone()).unwrap_or_default()));
        }
        Some(Self::Entries(entries(&snapshot.files, snapshot.mode)))
    }

    fn mode(&self) -> &'static str {
        match self {
            Self::Name(_) => "string",
            Self::Entries(_) => "json",
        }
    }
}

/// Files as the API lists them: MP4 files, those with sound alone, then playlists.
pub(super) fn entries(files: &[RecordedFile], mode: Mode) -> Vec<FileEntry> {
    let of_kind = |kind| files.iter().filter(move |file| file.kind == kind);
    let kinds = [FileKind::Mp4, FileKind::M4a, FileKind::Mp3, FileKind::Playlist];
    let files = kinds.into_iter().flat_map(of_kind);
    files.map(|file| FileEntry::new(file, mode == Mode::Mix)).collect()
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileEntry {
    file_name: String,
    /// The older spelling of `fileName`: clients read one or the other.
    #[serde(rename = "filename")]
    file_name_older: String,
    track_type: &'static str,
    uid: String,
    mixed_all_user: bool,
    is_playable: bool,
    slice_start_time: u64,
    /// An addition to the vendor's API: the MD5 of a whole file, in hexadecimal digits, once it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<String>,
}

impl FileEntry {
    fn new(file: &RecordedFile, is_mixed: bool) -> Self {
        Self {
            file_name: file.name.clone(),
            file_name_older: file.name.clone(),
            track_type: track_type(file.track),
            uid: file.uid.clone(),
            mixed_all_user: is_mixed,
            is_playable: match file.kind {
                // It names only slices that the store has confirmed; before the first one it is not there.
                FileKind::Playlist => file.uploaded_slices > 0,
                FileKind::Mp4 | FileKind::M4a | FileKind::Mp3 => file.slices > 0 && file.uploaded_slices >= file.slices,
            },
            slice_start_time: file.start_ms,
            md5: file.md5.clone(),
        }
    }
}

/// What the API calls a kind of track.
pub(super) fn track_type(track: TrackKind) -> &'static str {
    match track {
        TrackKind::Audio => "audio",
        TrackKind::Video => "video",
        TrackKind::Both => "audio_and_video",
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemEntry {
    fault: Fault,
    code: ProblemCode,
    message: String,
    at_ms: u64,
}

impl From<&Problem> for ProblemEntry {
    fn from(problem: &Problem) -> Self {
        Self {
            fault: problem.fault,
            code: problem.code.clone(),
            message: problem.message.clone(),
            at_ms: problem.at_ms,
        }
    }
}
