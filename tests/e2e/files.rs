//! Whole files beside the playlists: of a mix by duration, through a pause and a kill, and of each user.

use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use nix::sys::signal::{Signal, kill};
use protocol::Phase;
use serde_json::{Value, json};
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::customer::Task;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{probe, wait};
use tempfile::TempDir;

use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// The seconds of media that a file is to have.
const LENGTH: u64 = 10;
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

pub(crate) async fn each_user_is_in_a_file_with_picture_and_sound(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "userfiles");
    let media = Media::picture_and_tone(320, 180);
    let _users =
        ["1", "2"].map(|uid| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs()));
    let task = customer
        .record(cname, |request| {
            request["recordingFileConfig"]["avFileType"] = json!(["hls", "mp4", "m4a", "mp3"]);
        })
        .await;
    steps::await_playlists(&customer, &task, 10).await;
    record_for(6).await;
    let files = steps::stop(&customer, &task).await;
    let (bucket, dir) = (stack.bucket(), tempfile::tempdir().expect("a directory"));
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
