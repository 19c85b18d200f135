//! What a spool takes, keeps and tells.

use std::io::Write;

use serde_json::{Value, json};

use super::super::backlog::Backlog;
use super::super::check::check;
use super::*;

#[test]
fn a_slice_that_was_being_written_is_finished_up_to_its_last_frame() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    let mut file = spool.begin("1.m3u8", &slice(1, 1)).unwrap();
    file.write_all(&[b'y'; 37]).unwrap();
    drop((file, spool));
    let spool = open(dir.path());
    let slices = spool.slices(&key(1));
    assert_eq!(slices.len(), 2);
    assert_eq!(
        (slices[1].duration_us, slices[1].bytes, slices[1].tags.len()),
        (30, 30, 1)
    );
    assert_eq!(spool.due_files()[1].bytes, 30);
    assert_eq!((spool.incarnation(), spool.started_ms()), (2, 1_000));
}

#[test]
fn only_one_process_holds_a_spool() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(
        Spool::open(dir.path(), OPENING, FINISH),
        Err(SpoolError::InUse(_))
    ));
    drop(first);
    open(dir.path());
}

#[test]
fn a_recording_is_done_when_its_sealed_playlists_are_up() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    assert_eq!(spool.pending(), 2);
    confirm(&spool, 0);
    spool.confirm_playlist(&spool.due_playlists(|_| true)[0]).unwrap();
    assert_eq!(spool.pending(), 0);
    spool.finish(EndCause::Idle).unwrap();
    spool.finish(EndCause::Stopped).unwrap();
    assert_eq!(
        (spool.cause(), spool.pending(), spool.is_done()),
        (Some(EndCause::Idle), 1, false)
    );
    assert!(matches!(spool.begin("1.m3u8", &slice(1, 1)), Err(SpoolError::Finished)));
    let due = spool.due_playlists(|_| true);
    assert!(due[0].ended);
    spool.confirm_playlist(&due[0]).unwrap();
    assert!(spool.is_done());
    let files = spool.files("a/b");
    assert_eq!(
        (files[0].name.as_str(), files[0].slices, files[0].uploaded_slices),
        ("a/b/1.m3u8", 1, 1)
    );
}

#[test]
fn a_playlist_is_known_from_the_beginning_of_its_first_slice() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let known = || -> Vec<_> {
        let files = spool.files("a").into_iter();
        files.map(|file| (file.name, file.slices, file.start_ms)).collect()
    };
    let file = spool.begin("1.m3u8", &slice(1, 0)).unwrap();
    assert_eq!(known(), [("a/1.m3u8".to_owned(), 0, slice(1, 0).start_ms)]);
    spool.discard(file).unwrap();
    assert_eq!(known(), []);
    record(&spool, 1, 1, 20);
    let _open = spool.begin("1.m3u8", &slice(1, 2)).unwrap();
    assert_eq!(known(), [("a/1.m3u8".to_owned(), 1, slice(1, 1).start_ms)]);
}

#[test]
fn a_playlist_waits_for_the_slice_that_is_missing_in_its_middle() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for index in 0..3 {
        record(&spool, 1, index, 20);
    }
    confirm(&spool, 2);
    assert!(spool.due_playlists(|_| true).is_empty());
    confirm(&spool, 0);
    assert_eq!(spool.due_playlists(|_| true)[0].slices.len(), 1);
    confirm(&spool, 1);
    assert_eq!(spool.due_playlists(|_| true)[0].slices.len(), 3);
}

#[test]
fn after_a_lost_lease_playlists_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    spool.finish(EndCause::LeaseLost).unwrap();
    confirm(&spool, 0);
    assert!(spool.due_playlists(|_| true).is_empty());
    assert!(spool.is_done());
}

#[test]
fn a_slice_that_something_else_removed_is_told_and_leaves_a_discontinuity() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    record(&spool, 1, 1, 20);
    let lost = spool.due_files()[0].path.clone();
    drop(spool);
    std::fs::remove_file(lost).unwrap();
    let findings = check(dir.path()).unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding.is_violation() && finding.to_string().contains("1_0.ts"))
    );
    let slices = open(dir.path()).slices(&key(1));
    assert_eq!(slices.len(), 1);
    assert!(slices[0].discontinuity);
}

#[test]
fn a_lone_file_that_was_being_written_is_finished_in_its_own_way() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let mp4 = write_lone(&spool, &lone(LoneKind::Mp4, 0), 37);
    std::fs::write(mp4.scratch_path(), b"half of another version").unwrap();
    let picture = write_lone(&spool, &lone(LoneKind::Picture, 1), 8);
    drop((mp4, picture, spool));
    // An MP4 file gets another form; a picture is given up.
    let finish = Finish {
        slice: &|path| probe(path).into(),
        lone: &|lone, cut| match lone.kind {
            LoneKind::Mp4 | LoneKind::M4a | LoneKind::Mp3 => {
                assert!(!cut.scratch.exists());
                std::fs::write(cut.scratch, [b'z'; 50]).unwrap();
                std::fs::rename(cut.scratch, cut.path).unwrap();
                std::fs::write(cut.scratch, b"rubbish").unwrap();
                Remains::Whole(Probed {
                    duration_us: 3_000,
                    bytes: 50,
                    md5: Some("0123".to_owned()),
                })
            }
            LoneKind::Picture => Remains::Nothing,
        },
    };
    let spool = Spool::open(dir.path(), OPENING, finish).unwrap();
    let due = spool.due_files();
    assert_eq!(
        (due.len(), due[0].content, due[0].bytes),
        (1, Content::Lone(LoneKind::Mp4), 50)
    );
    assert_eq!(std::fs::read(&due[0].path).unwrap(), [b'z'; 50]);
    let files = spool.files("a");
    assert_eq!((files[0].name.as_str(), files[0].duration_ms), ("a/0.mp4", 3));
    assert_eq!(files[0].md5.as_deref(), Some("0123"));
    assert_eq!(spool.pictures().taken, 0);
    assert_eq!(std::fs::read_dir(dir.path().join(SLICES)).unwrap().count(), 1);
}

#[test]
fn an_mp4_file_is_known_from_its_beginning_and_may_be_replaced_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let file = write_lone(&spool, &lone(LoneKind::Mp4, 0), 37);
    let known = || {
        let files = spool.files("").into_iter();
        let told: Vec<_> = files
            .map(|file| (file.name, file.slices, file.bytes, file.uploaded_slices))
            .collect();
        told
    };
    assert_eq!(known(), [("0.mp4".to_owned(), 0, 0, 0)]);
    std::fs::write(file.scratch_path(), [b'z'; 50]).unwrap();
    std::fs::rename(file.scratch_path(), file.path()).unwrap();
    spool.commit_lone(file, lone(LoneKind::Mp4, 0)).unwrap();
    assert_eq!(known(), [("0.mp4".to_owned(), 1, 50, 0)]);
    assert_eq!(spool.pending(), 1);
    confirm(&spool, 0);
    assert_eq!(known(), [("0.mp4".to_owned(), 1, 50, 1)]);
    spool.finish(EndCause::Stopped).unwrap();
    assert!(spool.is_done());
    assert!(matches!(
        spool.begin_lone(&lone(LoneKind::Mp4, 1)),
        Err(SpoolError::Finished)
    ));
}

#[test]
fn pictures_of_days_neither_fill_the_journal_nor_the_memory() {
    const PICTURES: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open_compacting(dir.path(), OPENING, FINISH, 4096).unwrap();
    record(&spool, 1, 0, 20);
    let mut longest = 0;
    for index in 1..=PICTURES {
        record_lone(&spool, lone(LoneKind::Picture, index), 10);
        confirm(&spool, index as u64);
        longest = longest.max(journal_length(dir.path()));
    }
    let state_length = serde_json::to_vec(&spool.lock().state).unwrap().len() as u64;
    assert!(
        longest < 4096 + 3 * state_length,
        "{longest} bytes, and the state has {state_length}"
    );
    let before = spool.pictures();
    drop(spool);
    let spool = open(dir.path());
    let pictures = spool.pictures();
    assert_eq!(pictures, before);
    assert_eq!((pictures.taken, pictures.uploaded), (300, 300));
    assert_eq!(pictures.latest_us("7"), Some(PICTURES as i64 * 100));
    assert_eq!(pictures.last.as_deref(), Some("300.jpg"));
    assert_eq!(pictures.first_ms, Some(1_001));
    assert_eq!(spool.pending(), 2);
}

#[test]
fn names_that_would_leave_the_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for name in ["", "a/b", "..", "a\nb", &"x".repeat(paths::MAX_NAME_BYTES + 1)] {
        let opening = Slice {
            name: name.to_owned(),
            ..slice(1, 0)
        };
        assert!(
            matches!(spool.begin("1.m3u8", &opening), Err(SpoolError::BadName { .. })),
            "{name:?}"
        );
    }
}

#[test]
fn no_secret_of_a_job_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let job: protocol::Job = serde_json::from_value(serde_json::json!({
        "sid": "0".repeat(32), "epoch": 1, "recorder": {"app_id": "a", "channel": "c", "uid": "1"}, "mode": "individual",
        "source": {"type": "static", "streams": {"7": "rtsp://me:hunter2@camera"}},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
        "playlist": {"strict_extinf": true},
        "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "b", "access_key": "ak",
            "secret_key": "hunter2", "session_token": "hunter2", "prefix": ""},
        "backup": {"after_ms": 1, "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "backup",
            "access_key": "ak", "secret_key": "hunter2", "session_token": "hunter2", "prefix": ""}},
        "decryption": {"cipher": "aes128_xts", "secret": "hunter2"},
        "mix": {
            "output": {"width": 2, "height": 2, "fps": 1, "bitrate_kbps": 1, "audio": "mono48"}, "mp4": false,
            "scene": {
                "version": 1, "layout": {"type": "best_fit"}, "background": {"r": 0, "g": 0, "b": 0},
                "background_image": "https://me:hunter2@h/b.jpg", "user_image": "https://h/u.jpg?sign=hunter2",
                "user_images": [{"uid": "7", "url": "https://h/7.jpg?sign=hunter2"}],
            },
        },
    }))
    .unwrap();
    store_job(dir.path(), &job).unwrap();
    let text = std::fs::read_to_string(dir.path().join("job.json")).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let kept = load_job(dir.path()).unwrap();
    assert_eq!((kept.sid, kept.spec.storage.bucket), (job.sid, job.spec.storage.bucket));
}

#[test]
fn check_finds_each_secret_that_an_earlier_version_left_in_a_job() {
    let leftovers = [
        (json!({"storage": {"secret_key": "hunter2"}}), "secret key"),
        (
            json!({"decryption": {"cipher": "aes128_xts", "secret": "hunter2"}}),
            "the channel's secret",
        ),
        (
            json!({"source": {"type": "static", "streams": {"7": "rtsp://cam/user=a_password=hunter2"}}}),
            "URLs of the source",
        ),
        (
            json!({"source": {"type": "mediamtx", "api": "http://m", "rtsp": "rtsp://m", "credentials": "me:hunter2"}}),
            "the source's password",
        ),
        (
            json!({"mix": {"scene": {"background_image": "https://me:hunter2@h/b.jpg"}}}),
            "URLs of images",
        ),
        (
            json!({"mix": {"scene": {"user_image": "https://h/u.jpg?sign=hunter2"}}}),
            "URLs of images",
        ),
        (
            json!({"mix": {"scene": {"user_images": [{"uid": "7", "url": "https://h/7.jpg?s=hunter2"}]}}}),
            "URLs of images",
        ),
    ];
    for (leftover, told) in leftovers {
        let dir = tempfile::tempdir().unwrap();
        record(&open(dir.path()), 1, 5, 100);
        let mut job = json!({
            "sid": "0".repeat(32), "epoch": 1, "recorder": {"app_id": "a", "channel": "c", "uid": "1"}, "mode": "mix",
            "source": {"type": "static", "streams": {"7": ""}},
            "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
            "playlist": {"strict_extinf": true},
            "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "b", "access_key": "ak",
                "secret_key": "", "prefix": ""},
            "mix": {
                "output": {"width": 2, "height": 2, "fps": 1, "bitrate_kbps": 1, "audio": "mono48"}, "mp4": false,
                "scene": {"layout": {"type": "best_fit"}, "background": {"r": 0, "g": 0, "b": 0},
                    "background_image": "https://h/open.jpg"},
            },
        });
        let violations = |job: &Value| {
            std::fs::write(dir.path().join("job.json"), job.to_string()).unwrap();
            let findings = check(dir.path()).unwrap();
            let violations = findings.iter().filter(|finding| finding.is_violation());
            violations.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(violations(&job), [""; 0]);
        merge(&mut job, &leftover);
        let found = violations(&job);
        let [violation] = &found[..] else {
            panic!("{leftover}: {found:?}")
        };
        assert!(
            violation.contains(told) && !violation.contains("hunter2"),
            "{violation}"
        );
    }
}

/// Puts the fields of `added` over those of `job`, but a source as a whole.
fn merge(job: &mut Value, added: &Value) {
    for (name, value) in added.as_object().unwrap() {
        match (&mut job[name], value) {
            (Value::Object(_), Value::Object(_)) if name != "source" => merge(&mut job[name], value),
            (field, value) => *field = value.clone(),
        }
    }
}

#[test]
fn the_backlog_is_what_the_store_does_not_have() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    assert_eq!(spool.backlog(), Backlog::default());
    record(&spool, 1, 5, 100);
    record(&spool, 1, 6, 20);
    record_lone(&spool, lone(LoneKind::Mp4, 7), 3);
    let growing = write_lone(&spool, &lone(LoneKind::Mp4, 1), 4_000);
    assert_eq!(
        spool.backlog(),
        Backlog {
            bytes: 4_123,
            since_ms: Some(1_005)
        }
    );
    confirm(&spool, 0);
    assert_eq!(
        spool.backlog(),
        Backlog {
            bytes: 4_023,
            since_ms: Some(1_006)
        }
    );
    assert_eq!(bytes_on_disk(dir.path()), 4_023);
    spool.discard_lone(growing).unwrap();
    assert_eq!(spool.backlog().bytes, 23);
}

#[test]
fn no_file_is_numbered_like_one_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let next = || spool.next_lone(LoneKind::Mp4, "7", |number| format!("{number}.mp4"));
    assert_eq!(next(), 0);
    let nothing = write_lone(&spool, &lone(LoneKind::Mp4, 0), 1);
    record_lone(&spool, lone(LoneKind::Mp4, 1), 10);
    spool.discard_lone(nothing).unwrap();
    assert_eq!(next(), 2, "the first one held nothing, the second one has its name");
    let _growing = write_lone(&spool, &lone(LoneKind::Mp4, 5), 1);
    record_lone(&spool, lone(LoneKind::Picture, 9), 1);
    assert_eq!(next(), 6);
}
