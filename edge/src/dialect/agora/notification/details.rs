use protocol::{EndCause, FileKind, Happening, Mode, TrackKind};
use serde_json::{Map, Value, json};

use super::problem;
use crate::dialect::agora::flavour::Flavour;
use crate::dialect::agora::server_response::{entries, number, track_type};
use crate::recording::{Event, RecordingView};

/// Progress counts to this.
const WHOLE: u128 = 10_000;

/// What an event is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) event_type: u32,
    /// 0 service, 1 recorder, 2 uploader, 4 extension.
    pub(super) service_type: u8,
    pub(super) message: &'static str,
}

pub(super) fn kind(event: &Event) -> Kind {
    let (event_type, service_type, message) = match event {
        Event::Problem(problem) if problem::is_warning(problem) => (2, 0, "cloud_recording_warning"),
        Event::Problem(_) | Event::TokenExpired => (1, 0, "cloud_recording_error"),
        Event::Misfit { .. } => (3, 0, "cloud_recording_status_update"),
        Event::Happened(Happening::PlaylistPublished { .. }) => (4, 0, "cloud_recording_file_infos"),
        Event::Exited { .. } => (11, 0, "session_exit"),
        Event::FailedOver { .. } => (12, 0, "session_failover"),
        Event::UploaderStarted => (30, 2, "uploader_started"),
        Event::Uploaded { .. } => (31, 2, "uploaded"),
        // Only recordings in an app's own store have these, which this API has none of.
        Event::FileReady { .. } => (203, 2, "file_ready"),
        Event::Stands { .. } => (204, 1, "recording_stands"),
        Event::BackedUp { .. } => (32, 2, "backuped"),
        Event::Progress { .. } => (33, 2, "uploading_progress"),
        Event::RecorderStarted => (40, 1, "recorder_started"),
        Event::RecorderLeft { .. } => (41, 1, "recorder_leave"),
        Event::Happened(Happening::SliceStarted { .. }) => (42, 1, "recorder_slice_start"),
        Event::Happened(Happening::StreamChanged { track, .. }) => match track {
            TrackKind::Audio => (43, 1, "recorder_audio_stream_state_changed"),
            TrackKind::Video | TrackKind::Both => (44, 1, "recorder_video_stream_state_changed"),
        },
        Event::Happened(Happening::PictureUploaded { .. }) => (45, 1, "recorder_snapshot_file"),
        Event::Paused => (201, 1, "recorder_paused"),
        Event::Resumed => (202, 1, "recorder_resumed"),
        Event::VodStarted { .. } => (60, 4, "vod_started"),
        Event::VodCompleted => (61, 4, "vod_triggered"),
    };
    Kind {
        event_type,
        service_type,
        message,
    }
}

/// The details as they stand in the payload: an object, and with anyRTC a text that holds one.
pub(super) fn details(event: &Event, flavour: Flavour, mode: Mode) -> Value {
    let kind = kind(event);
    let mut details = Map::new();
    details.insert("msgName".to_owned(), Value::from(kind.message));
    if flavour == Flavour::Anyrtc {
        details.insert("eventType".to_owned(), Value::from(kind.event_type));
    }
    if let Value::Object(fields) = fields(event, flavour, mode) {
        details.extend(fields);
    }
    match flavour {
        Flavour::Agora => Value::Object(details),
        Flavour::Anyrtc => Value::from(Value::Object(details).to_string()),
    }
}

/// What is particular to an event, as an object.
fn fields(event: &Event, flavour: Flavour, mode: Mode) -> Value {
    match event {
        Event::Problem(problem) => problem::fields(problem),
        Event::TokenExpired => problem::token_expired(),
        Event::Misfit { view } => misfit(view, flavour),
        Event::Happened(happening) => happened(happening, mode),
        Event::Exited { cause, complete } => {
            let normal = *complete && matches!(cause, EndCause::Stopped | EndCause::Idle);
            json!({ "exitStatus": u8::from(!normal) })
        }
        Event::FailedOver { uid } => json!({ "newUid": numeric(uid) }),
        Event::UploaderStarted | Event::RecorderStarted => json!({ "status": 0 }),
        Event::Uploaded { files } | Event::BackedUp { files } => {
            json!({ "status": 0, "fileList": entries(files, mode) })
        }
        Event::Progress { uploaded, recorded } => {
            let progress = u128::from(*uploaded) * WHOLE / u128::from((*recorded).max(1));
            json!({ "progress": u64::try_from(progress.min(WHOLE)).unwrap_or_default() })
        }
        Event::RecorderLeft { cause } => json!({ "leaveCode": leave_code(*cause) }),
        Event::VodStarted { video_id } => json!({ "aliVodInfo": { "videoId": video_id } }),
        Event::FileReady { .. } | Event::Stands { .. } | Event::VodCompleted | Event::Paused | Event::Resumed => {
            json!({})
        }
    }
}

fn happened(happening: &Happening, mode: Mode) -> Value {
    match happening {
        Happening::PlaylistPublished { name } => json!({ "fileList": name }),
        Happening::SliceStarted {
            uid,
            track,
            start_ms,
            interrupted_ms,
        } => json!({
            "startUtcMs": start_ms,
            "discontinueUtcMs": interrupted_ms.unwrap_or(*start_ms),
            "mixedAllUser": mode == Mode::Mix,
            "streamUid": uid,
            "trackType": track_type(*track),
        }),
        // The documents and their readers spell the time differently.
        Happening::StreamChanged {
            uid, receiving, at_ms, ..
        } => json!({
            "streamUid": uid,
            "state": u8::from(!receiving),
            "UtcMs": at_ms,
            "utcMs": at_ms,
        }),
        Happening::PictureUploaded { name } => json!({ "fileName": name }),
    }
}

fn misfit(snapshot: &RecordingView, flavour: Flavour) -> Value {
    let playlists = snapshot.files.iter().filter(|file| file.kind == FileKind::Playlist);
    let playlists: Vec<_> = playlists.map(|file| file.name.as_str()).collect();
    json!({
        "status": number(snapshot, flavour),
        "recordingMode": match snapshot.mode {
            Mode::Mix => 0,
            Mode::Individual => 1,
        },
        "fileList": playlists.join(";"),
    })
}

/// A bit mask: 2 a signal, 4 nobody is in the channel, 16 the recorder left by itself; 0 it failed.
fn leave_code(cause: EndCause) -> u8 {
    match cause {
        EndCause::Stopped => 16,
        EndCause::Idle => 4,
        EndCause::LeaseLost | EndCause::NodeLost => 2,
        EndCause::Failed | EndCause::NoSpace => 0,
    }
}

/// A number where a uid is one.
fn numeric(uid: &str) -> Value {
    uid.parse::<u32>().map_or_else(|_| Value::from(uid), Value::from)
}
