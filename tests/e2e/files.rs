//! Whole files beside the playlists: of a mix by duration, through a pause and a kill, and of each user. And the playlists that lead to
//! those of a user, or of all.

use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use nix::sys::signal::{Signal, kill};
use protocol::Phase;
use serde_json::{Value, json};
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::customer::Task;
use tapedeck_tests::delivery::Delivery;
use tapedeck_tests::playlist;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{probe, wait};
use tempfile::TempDir;

use crate::playing;
use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// The seconds of media that a file is to have.
const LENGTH: u64 = 10;
/// Seconds that two users are recorded before a pause and behind it.
const PART: u64 = 6;
/// A picture of the mix, and a frame of MP3, in seconds.
const PICTURE: f64 = 1.0 / 15.0;
const SOUND: f64 = 0.024;

/// A whole file of a recording.
struct Whole {
    name: String,
    path: PathBuf,
    /// By its own index, in seconds.
    lasts: f64,
}

/// Those whose names end so, in the order of the list, each as its entry says.
async fn fetch(bucket: &Bucket, dir: &TempDir, task: &Task, files: &[Value], ending: &str) -> Vec<Whole> {
    let mut found = Vec::new();
    for entry in files {
        let key = entry["fileName"].as_str().expect("a name");
        if !key.ends_with(ending) {
            continue;
        }
        let object = bucket.get(key).await.expect("it is in the bucket");
        object.assert_headers();
        let name = key.strip_prefix(&task.prefix).expect("the prefix").to_owned();
        let path = dir.path().join(&name);
        std::fs::write(&path, &object.data).expect("it is written");
        let digest = hex::encode(Md5::digest(&object.data));
        assert_eq!(entry["md5"], json!(digest), "{name}");
        assert_eq!(entry["isPlayable"], true, "{name}");
        assert_eq!(probe::warnings(&path).await, "", "{name}");
        let lasts = probe::duration(&path).await;
        found.push(Whole { name, path, lasts });
    }
    found
}

async fn kinds(file: &Path) -> Vec<String> {
    let mut kinds: Vec<_> = probe::streams(file)
        .await
        .into_iter()
        .map(|stream| stream.codec_type)
        .collect();
    kinds.sort();
    kinds
}

pub(crate) async fn a_mix_is_in_files_of_the_length_that_is_asked_for(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "files");
    let media = Media::picture_and_tone(320, 180);
    let _user = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let task = customer
        .record_in("mix", cname, |request| {
            steps::mix_to(
                request,
                json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 200 }),
            );
            request["recordingFileConfig"] = json!({ "avFileType": ["hls", "mp4", "mp3"], "maxFileDuration": LENGTH });
        })
        .await;
    steps::await_playlists(&customer, &task, 3).await;
    record_for(LENGTH + 4).await;
    let call = async |what: &str| {
        let reply = customer.post(&task.path(what), &task.stop_body()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    };
    call("pause").await;
    record_for(5).await;
    call("resume").await;
    // Over the end of the second file, which goes on behind the pause.
    record_for(LENGTH).await;
    let recorder = stack.recorder(&task.sid).expect("a recorder");
    kill(recorder, Signal::SIGKILL).expect("it is killed");
    wait::until("another recorder", CAPTURE_LIMIT, async || {
        let is_other = stack.recorder(&task.sid).is_some_and(|other| other != recorder);
        let report = stack.report(&task.sid).await?;
        let is_mixing = report.mix.is_some_and(|mix| mix.frames > 15);
        (is_other && report.phase == Phase::Recording && is_mixing).then_some(())
    })
    .await;
    record_for(3).await;
    let files = steps::stop(&customer, &task).await;

    let (bucket, dir) = (stack.bucket(), tempfile::tempdir().expect("a directory"));
    for (ending, exact, tracks) in [
        (".mp4", PICTURE, vec!["audio", "video"]),
        (".mp3", SOUND, vec!["audio"]),
    ] {
        let whole = fetch(&bucket, &dir, &task, &files, ending).await;
        assert!(whole.len() >= 4, "{ending}: {files:?}");
        let mut not_full = Vec::new();
        for (number, file) in whole.iter().enumerate() {
            assert_eq!(file.name, format!("{}_{cname}_{number}{ending}", task.sid));
            assert_eq!(kinds(&file.path).await, tracks, "{}", file.name);
            if (file.lasts - LENGTH as f64).abs() > 2.0 * exact {
                not_full.push((number, file.lasts));
            }
        }
        // One was being written at the kill, and one at the stop.
        assert!(
            not_full.len() <= 2 && not_full.iter().all(|(number, _)| *number >= 2),
            "{ending}: {not_full:?}"
        );
        let all: f64 = whole.iter().map(|file| file.lasts).sum();
        let recorded = (LENGTH + 4 + LENGTH + 3) as f64;
        assert!(
            (recorded - 6.0..recorded + 12.0).contains(&all),
            "{ending}: {all} s in all"
        );
        let times = probe::packets(&whole[1].path).await;
        let mut times: Vec<f64> = times.iter().map(|packet| packet.pts).collect();
        times.sort_by(f64::total_cmp);
        let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(
            widest < 0.1,
            "a hole of {widest} s in {}, where the pause was",
            whole[1].name
        );
    }
}

/// Two users, in files of all kinds, and by one link each and one for both, through a pause.
pub(crate) async fn each_user_is_in_files_and_behind_one_link_with_picture_and_sound(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "userfiles");
    let media = Media::picture_and_tone(320, 180);
    let _users =
        ["1", "2"].map(|uid| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs()));
    let task = customer
        .record(cname, |request| {
            request["recordingFileConfig"]["avFileType"] = json!(["hls", "mp4", "m4a", "mp3"]);
            request["recordingFileConfig"]["multivariantPlaylists"] = json!(true);
        })
        .await;
    steps::await_playlists(&customer, &task, 10).await;
    let call = async |what: &str| {
        customer.post(&task.path(what), &task.stop_body()).await.expect(200);
    };
    record_for(PART).await;
    call("pause").await;
    record_for(3).await;
    call("resume").await;
    record_for(PART).await;
    call("pause").await;
    let bucket = stack.bucket();
    let key = |of: &str| format!("{}{}_{cname}{of}.m3u8", task.prefix, task.sid);
    both_parts_are_listed(&bucket, &key).await;
    let delivery = Delivery::before(bucket.clone()).await;
    let link = |of: &str| delivery.url(&key(of));
    let playing = playing::play_on(&link(""), stack, (2 * PART - 3) as f64).await;
    assert_eq!(playing["last"]["ended"], false, "{playing}");
    assert_plays(&playing, &["1", "2"]);

    call("resume").await;
    let files = steps::stop(&customer, &task).await;
    for (of, sounds) in [("__uid_s_1__uid_e_av", vec!["1"]), ("", vec!["1", "2"])] {
        let played = playing::play_on(&link(of), stack, f64::MAX).await;
        assert_eq!(played["last"]["ended"], true, "{played}");
        assert_plays(&played, &sounds);
    }
    for of in ["", "__uid_s_1__uid_e_av", "__uid_s_2__uid_e_av"] {
        all_is_behind(&link(of)).await;
        let listed = files.iter().any(|file| file["fileName"] == key(of));
        assert!(!listed, "it is no file of the recording");
    }

    let dir = tempfile::tempdir().expect("a directory");
    for (ending, track, tracks) in [
        (".mp4", "av", vec!["audio", "video"]),
        (".m4a", "audio", vec!["audio"]),
        (".mp3", "audio", vec!["audio"]),
    ] {
        for uid in ["1", "2"] {
            let stem = format!("{}_{cname}__uid_s_{uid}__uid_e_{track}_", task.sid);
            let of_user = fetch(&bucket, &dir, &task, &files, ending).await;
            let of_user: Vec<_> = of_user.iter().filter(|file| file.name.starts_with(&stem)).collect();
            // A picture that comes later than the sound begins another file.
            let last = of_user.last().unwrap_or_else(|| panic!("{stem}: {files:?}"));
            assert!(
                (4.0..60.0).contains(&last.lasts),
                "{} lasts {} s",
                last.name,
                last.lasts
            );
            assert_eq!(kinds(&last.path).await, tracks, "{}", last.name);
            let listed = files.iter().filter(|file| file["uid"] == uid);
            assert!(listed.count() >= 5, "{files:?}");
        }
    }
}

/// Waits until what stands before and behind the pause is in each playlist, and the one of all leads to each.
async fn both_parts_are_listed(bucket: &Bucket, key: &impl Fn(&str) -> String) {
    wait::until("both parts in all playlists", CAPTURE_LIMIT, async || {
        let text = async |of: &str| bucket.get(&key(of)).await.map(|object| object.data);
        let all = String::from_utf8(text("").await?).expect("a text");
        for of in ["1__uid_e_audio", "1__uid_e_video", "2__uid_e_audio", "2__uid_e_video"] {
            let of = format!("__uid_s_{of}");
            let playlist = String::from_utf8(text(&of).await?).expect("a text");
            let playlist = playlist::parse(&playlist).unwrap_or_else(|error| panic!("{error}\n{playlist}"));
            let is_there = playlist.entries.iter().any(|entry| entry.discontinuity);
            (is_there && all.contains(&of)).then_some(())?;
        }
        Some(())
    })
    .await;
}

/// A browser has shown the picture, and heard one of the sounds that it could choose from.
fn assert_plays(seen: &Value, sounds: &[&str]) {
    let last = &seen["last"];
    // The player takes a slice once more whose first picture is shown later than it is decoded, and breaks off what it reads when it
    // has found out where the sound belongs behind the pause.
    let harmless = ["bufferAppendNoProgress", "aborted"].map(Value::from);
    let errors = last["errors"].as_array().expect("a list");
    assert!(
        errors.iter().all(|error| harmless.contains(&error["details"])),
        "{seen}"
    );
    assert_eq!(last["width"], 320, "{seen}");
    let mut names: Vec<_> = last["sounds"].as_array().expect("names").iter().collect();
    names.sort_by_key(|name| name.as_str());
    assert_eq!(json!(names), json!(sounds), "{seen}");
    assert!(last["heard"].as_u64() > seen["first"]["heard"].as_u64(), "{seen}");
    assert!(last["at"].as_f64() > Some((2 * PART - 4) as f64), "{seen}");
}

/// FFmpeg finds all of a picture and a sound behind a link, and nothing is wrong with them.
async fn all_is_behind(link: &str) {
    let into = "-map 0:v:0 -map 0:a:0 -fps_mode passthrough -enc_time_base -1 -f framecrc -";
    let into: Vec<_> = into.split(' ').collect();
    let (frames, said) = probe::decode(&[], Path::new(link), &into).await;
    assert_eq!(said, "", "{link}");
    let frames = String::from_utf8(frames).expect("a text");
    let count = |track: &str| frames.lines().filter(|line| line.starts_with(track)).count() as f64;
    // 25 pictures a second, and 1024 samples in a frame.
    for (kind, lasts) in [
        ("pictures", count("0,") / 25.0),
        ("sound", count("1,") * 1024.0 / 48_000.0),
    ] {
        let recorded = (2 * PART) as f64;
        assert!(
            (recorded - 3.0..recorded + 6.0).contains(&lasts),
            "{link}: {lasts} s of {kind}"
        );
    }
}
