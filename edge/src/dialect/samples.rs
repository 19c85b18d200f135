use protocol::{
    EndCause, Fault, FileKind, Happening, Mode, Phase, Problem, ProblemCode, RecordedFile, RecorderKey, TrackKind,
};

use crate::recording::{Event, Notice, RecordingView, Standing, Status, Subject};

/// The recording that the events of a test are about.
const TEST_CHANNEL: &str = "test_webhook";
const TEST_UID: &str = "12121212";

/// One event of each type that is wanted.
pub(super) fn samples(app_id: &str, wants: impl Fn(&Event) -> bool, now_ms: u64) -> Vec<(Subject, Notice)> {
    let subject = Subject {
        key: RecorderKey {
            app_id: app_id.to_owned(),
            channel: TEST_CHANNEL.to_owned(),
            uid: TEST_UID.to_owned(),
        },
        sid: "0".repeat(32),
        mode: Mode::Individual,
        pictures_only: false,
    };
    let events = all(&subject, now_ms).into_iter().filter(wants);
    let notices = (0..).zip(events).map(|(number, event)| {
        let notice = Notice {
            number,
            at_ms: now_ms,
            event,
        };
        (subject.clone(), notice)
    });
    notices.collect()
}

/// One event of each type that there is.
fn all(subject: &Subject, now_ms: u64) -> Vec<Event> {
    let uid = || "7".to_owned();
    let name = |suffix: &str| format!("{}_{}__uid_s_7__uid_e_{suffix}", subject.sid, subject.key.channel);
    let problem = |code: ProblemCode| Problem {
        fault: Fault::Destination,
        code,
        message: "this is a test".to_owned(),
        at_ms: now_ms,
    };
    let file = RecordedFile {
        name: name("audio.m3u8"),
        track: TrackKind::Audio,
        kind: FileKind::Playlist,
        uid: uid(),
        start_ms: now_ms,
        duration_ms: 15_000,
        slices: 1,
        bytes: 100_000,
        uploaded_slices: 1,
        md5: None,
    };
    let snapshot = RecordingView {
        paused: false,
        house: None,
        standing: Standing::Waiting,
        key: subject.key.clone(),
        sid: subject.sid.clone(),
        status: Status::Recording,
        phase: Some(Phase::Recording),
        mode: subject.mode,
        mp4: false,
        outputs: protocol::Outputs::default(),
        snapshots: None,
        started_ms: now_ms,
        first_media_ms: Some(now_ms),
        ended_ms: None,
        cause: None,
        files: vec![file.clone()],
        pictures: None,
        vod: None,
        pending_uploads: 0,
        backed_up: None,
        idle_since_ms: None,
        speaker: None,
        problems: Vec::new(),
    };
    let stream = |track| {
        Event::Happened(Happening::StreamChanged {
            uid: uid(),
            track,
            receiving: true,
            at_ms: now_ms,
        })
    };
    vec![
        Event::Problem(problem(ProblemCode::UploadRefused)),
        Event::Problem(problem(ProblemCode::UploadFailing)),
        Event::Misfit {
            view: Box::new(snapshot),
        },
        Event::Happened(Happening::PlaylistPublished {
            name: file.name.clone(),
        }),
        Event::Exited {
            cause: EndCause::Stopped,
            complete: true,
        },
        Event::FailedOver {
            uid: subject.key.uid.clone(),
        },
        Event::UploaderStarted,
        Event::Uploaded {
            files: vec![file.clone()],
        },
        Event::BackedUp {
            files: vec![file.clone()],
        },
        Event::FileReady {
            file: Box::new(file.clone()),
            house: Box::default(),
        },
        Event::Progress {
            uploaded: 1,
            recorded: 2,
        },
        Event::RecorderStarted,
        Event::RecorderLeft {
            cause: EndCause::Stopped,
        },
        Event::Happened(Happening::SliceStarted {
            uid: uid(),
            track: TrackKind::Audio,
            start_ms: now_ms,
            interrupted_ms: None,
        }),
        stream(TrackKind::Audio),
        stream(TrackKind::Video),
        Event::Happened(Happening::PictureUploaded {
            name: name("video_20260101000000000.jpg"),
        }),
        Event::VodStarted {
            video_id: "test".to_owned(),
        },
        Event::VodCompleted,
    ]
}
