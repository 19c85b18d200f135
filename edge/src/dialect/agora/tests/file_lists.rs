//! `serverResponse` of query and stop, for each combination of what a recording makes.

use super::*;
use crate::recording::Outcome;
use protocol::{EndCause, FileFormat, FileKind, Outputs, Pictures, RecordedFile, Snapshots, TrackKind};

fn made(mode: Mode, files: Vec<RecordedFile>) -> RecordingView {
    RecordingView {
        mode,
        files,
        ..snapshot()
    }
}

fn file(name: &str, kind: FileKind, track: TrackKind, uid: &str) -> RecordedFile {
    RecordedFile {
        name: name.into(),
        track,
        kind,
        uid: uid.into(),
        start_ms: START_MS + 2000,
        duration_ms: 30_000,
        slices: 2,
        bytes: 1000,
        uploaded_slices: 2,
        md5: None,
    }
}

fn mixed_playlist() -> RecordedFile {
    file("a/b/mixed.m3u8", FileKind::Playlist, TrackKind::Both, "0")
}

fn mixed_mp4() -> RecordedFile {
    file("a/b/mixed_0.mp4", FileKind::Mp4, TrackKind::Both, "0")
}

/// Status and `serverResponse` of query and stop, by an app.
fn answers(app: &str, snapshot: &RecordingView) -> [(u16, Value); 2] {
    let service = Service::new();
    let names = json!({"cname": "demo", "uid": "527841"});
    let acquired = without_envelope(body(&service.answer(&post(&path(app, "acquire"), &names))));
    let resource_id = acquired["resourceId"].as_str().unwrap();
    let call = |action| path(app, &format!("resourceid/{resource_id}/sid/{SID}/mode/mix/{action}"));
    [request("GET", &call("query")), post(&call("stop"), &names)].map(|request| {
        let response = service
            .pending(&request)
            .render(&Outcome::State(Box::new(snapshot.clone())));
        (
            response.status,
            without_envelope(body(&response))["serverResponse"].clone(),
        )
    })
}

fn entry(name: &str, track: &str, uid: &str, mixed: bool) -> Value {
    json!({
        "fileName": name, "filename": name, "trackType": track, "uid": uid, "mixedAllUser": mixed, "isPlayable": true,
        "sliceStartTime": START_MS + 2000,
    })
}

#[track_caller]
fn assert_lists(app: &str, snapshot: &RecordingView, list: &Value) {
    let mode = if list.is_string() { "string" } else { "json" };
    let [query, stop] = answers(app, snapshot);
    let expected = json!({
        "fileListMode": mode, "fileList": list, "status": 5, "sliceStartTime": START_MS + 1500,
    });
    assert_eq!(query, (200, expected));
    let expected = json!({"fileListMode": mode, "fileList": list, "uploadingStatus": "uploaded"});
    assert_eq!(stop, (200, expected));
}

#[test]
fn a_mixed_playlist_is_told_by_its_name_and_to_anyrtcs_clients_as_a_list() {
    let mixed = made(Mode::Mix, vec![mixed_playlist()]);
    assert_lists(APP, &mixed, &json!("a/b/mixed.m3u8"));
    let list = json!([entry("a/b/mixed.m3u8", "audio_and_video", "0", true)]);
    assert_lists(ANYRTC_APP, &mixed, &list);

    let fresh = made(Mode::Mix, vec![]);
    let [(_, query), (status, stop)] = answers(APP, &fresh);
    assert_eq!(
        (&query["fileListMode"], &query["fileList"]),
        (&json!("string"), &json!(""))
    );
    assert_eq!((status, &stop["fileList"]), (206, &json!("")));
    let [(_, query), _] = answers(ANYRTC_APP, &fresh);
    assert_eq!(
        (&query["fileListMode"], &query["fileList"]),
        (&json!("json"), &json!([]))
    );
}

#[test]
fn with_mp4_the_files_are_listed_mp4_first() {
    let both = RecordingView {
        mp4: true,
        ..made(Mode::Mix, vec![mixed_playlist(), mixed_mp4()])
    };
    let list = json!([
        entry("a/b/mixed_0.mp4", "audio_and_video", "0", true),
        entry("a/b/mixed.m3u8", "audio_and_video", "0", true),
    ]);
    assert_lists(APP, &both, &list);
    assert_lists(ANYRTC_APP, &both, &list);
}

#[test]
fn whole_files_of_each_user_are_listed_with_their_digests() {
    let digest = "d41d8cd98f00b204e9800998ecf8427e";
    let whole = |name: &str, kind, track| RecordedFile {
        md5: Some(digest.to_owned()),
        ..file(name, kind, track, "7")
    };
    let each = RecordingView {
        outputs: Outputs {
            files: vec![FileFormat::Mp4, FileFormat::Mp3],
            ..Outputs::default()
        },
        ..made(
            Mode::Individual,
            vec![
                file("a.m3u8", FileKind::Playlist, TrackKind::Audio, "7"),
                whole("7_0.mp3", FileKind::Mp3, TrackKind::Audio),
                whole("7_0.mp4", FileKind::Mp4, TrackKind::Both),
            ],
        )
    };
    let with_digest = |mut entry: Value| {
        entry["md5"] = json!(digest);
        entry
    };
    let list = json!([
        with_digest(entry("7_0.mp4", "audio_and_video", "7", false)),
        with_digest(entry("7_0.mp3", "audio", "7", false)),
        entry("a.m3u8", "audio", "7", false),
    ]);
    assert_lists(APP, &each, &list);
    assert_lists(ANYRTC_APP, &each, &list);
}

#[test]
fn an_mp4_plays_once_all_of_it_is_up() {
    let partly = RecordedFile {
        uploaded_slices: 1,
        ..mixed_mp4()
    };
    let both = RecordingView {
        mp4: true,
        ..made(Mode::Mix, vec![partly, mixed_playlist()])
    };
    let [(_, query), (status, stop)] = answers(APP, &both);
    assert_eq!(query["fileList"][0]["isPlayable"], json!(false));
    assert_eq!(query["fileList"][1]["isPlayable"], json!(true));
    assert_eq!((status, &stop["uploadingStatus"]), (206, &json!("unknown")));
}

#[test]
fn a_mix_of_sound_alone_is_audio_of_all_users() {
    let sound = RecordedFile {
        track: TrackKind::Audio,
        ..mixed_playlist()
    };
    let mixed = made(Mode::Mix, vec![sound]);
    assert_lists(
        ANYRTC_APP,
        &mixed,
        &json!([entry("a/b/mixed.m3u8", "audio", "0", true)]),
    );
}

#[test]
fn individual_files_are_listed_one_a_playlist() {
    let files = vec![
        file("a.m3u8", FileKind::Playlist, TrackKind::Audio, "0"),
        file("v.m3u8", FileKind::Playlist, TrackKind::Video, "7"),
    ];
    let list = json!([
        entry("a.m3u8", "audio", "0", false),
        entry("v.m3u8", "video", "7", false)
    ]);
    let individual = made(Mode::Individual, files);
    assert_lists(APP, &individual, &list);
    assert_lists(ANYRTC_APP, &individual, &list);
    let with_pictures = RecordingView {
        snapshots: Some(Snapshots {
            interval_ms: 5_000,
            alone: false,
        }),
        ..individual
    };
    assert_lists(APP, &with_pictures, &list);
}

#[test]
fn pictures_alone_have_no_list_of_files() {
    let snapshots = Some(Snapshots {
        interval_ms: 5_000,
        alone: true,
    });
    let taken = |taken, uploaded| RecordingView {
        snapshots,
        pictures: Some(Pictures {
            taken,
            uploaded,
            last: None,
        }),
        ..made(Mode::Individual, vec![])
    };
    let [query, stop] = answers(APP, &taken(3, 3));
    assert_eq!(query, (200, json!({"status": 5, "sliceStartTime": START_MS + 1500})));
    assert_eq!(stop, (200, json!({"uploadingStatus": "uploaded"})));
    // Some did not reach the store; none was taken.
    for (snapshot, status) in [(taken(3, 2), "unknown"), (taken(0, 0), "uploaded")] {
        let [_, stop] = answers(APP, &snapshot);
        assert_eq!(stop, (206, json!({"uploadingStatus": status})));
    }
}

#[test]
fn the_status_numbers() {
    let recorded = vec![mixed_playlist()];
    let waiting = vec![RecordedFile {
        uploaded_slices: 0,
        ..mixed_playlist()
    }];
    let table = [
        (Status::Placing, None, &recorded, 2, 2),
        (Status::Started, Some(Phase::Starting), &recorded, 3, 3),
        (Status::Started, Some(Phase::Recording), &recorded, 4, 4),
        (Status::Recording, Some(Phase::Recording), &waiting, 5, 4),
        (Status::Recording, Some(Phase::Recording), &recorded, 5, 5),
        (Status::Stopping, Some(Phase::Recording), &recorded, 6, 6),
        (Status::Stopping, Some(Phase::Draining), &waiting, 6, 6),
        (Status::Stopping, Some(Phase::Draining), &recorded, 7, 7),
        (Status::Ended, Some(Phase::Ended), &recorded, 8, 8),
        (Status::Failed, Some(Phase::Ended), &recorded, 20, 20),
    ];
    for (status, phase, files, agora, anyrtc) in table {
        let snapshot = RecordingView {
            status,
            phase,
            cause: Some(EndCause::Stopped),
            ..made(Mode::Mix, files.clone())
        };
        for (app, number) in [(APP, agora), (ANYRTC_APP, anyrtc)] {
            let [(code, query), _] = answers(app, &snapshot);
            assert_eq!(query["status"], json!(number), "{status:?} {phase:?}");
            assert_eq!(code, if number >= 8 { 404 } else { 200 });
        }
    }
}
