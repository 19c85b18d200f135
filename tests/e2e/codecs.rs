//! Video codecs beside H.264: recorded by copy, or as H.264, decoded in a mix, and played by FFmpeg, GStreamer and a browser.

mod containers;
mod copied;
mod users;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::customer::Task;
use tapedeck_tests::delivery::Delivery;
use tapedeck_tests::heard::{PRESENT, Sound};
use tapedeck_tests::mixed::{Colour, Mixed, Picture, pictures};
use tapedeck_tests::playlist::{self, Playlist};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::Publisher;
use tapedeck_tests::recorded::slice_ms;
use tapedeck_tests::stack::Stack;
use tokio::process::Command;

use crate::composed::{counters, verdict};
use crate::docs_page::CHROMIUM;
use crate::steps::{self, record_for};
use containers::Elsewhere;
pub(crate) use copied::are_copied;
use users::{OTHERS, Sent, USERS};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/colours.cjs");
/// Pictures a second.
const FPS: f64 = 15.0;
/// Rounding of the formats, in seconds.
const TICK: f64 = 0.001;
/// The length of the pieces in which sound is looked at, and what is left out at either end, in seconds.
const WINDOW: f64 = 0.1;
const EDGE: f64 = 1.5;

pub(crate) async fn each_is_recorded_mixed_and_played(stack: &Stack) {
    record_and_play(stack, "codecs", &USERS).await;
    if steps::is_soak() {
        record_and_play(stack, "codecsbyothers", &OTHERS).await;
    }
}

async fn record_and_play(stack: &Stack, cname: &str, sent: &[Sent; 6]) {
    let customer = stack.customer();
    let dir = tempfile::tempdir().expect("a directory");
    let files = join_all(sent.iter().map(|sent| sent.file(dir.path()))).await;
    let mut users: Vec<_> = sent
        .iter()
        .zip(&files)
        .map(|(sent, file)| sent.publish(stack, cname, file))
        .collect();
    let copied = customer.record(cname, |_| {}).await;
    let mixed = customer
        .record_as("9001", &format!("{cname}mix"), "mix", cname, |request| {
            steps::mix_to(
                request,
                json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1 }),
            );
        })
        .await;
    steps::await_playlists(&customer, &copied, 2 * sent.len()).await;
    let elsewhere = Elsewhere::begin(stack, cname).await;
    record_for(20).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let counted = counters(stack, &mixed).await;
    let stopped = customer.stop(&mixed).await.expect(200);
    assert_eq!(
        stopped.body["serverResponse"]["uploadingStatus"], "uploaded",
        "{}",
        stopped.body
    );
    assert_eq!(steps::stop(&customer, &copied).await.len(), 2 * sent.len());
    elsewhere.check(&stack.bucket(), dir.path()).await;

    let mix = Mixed::fetch(&stack.bucket(), &mixed).await;
    mix.check().await;
    check_mix(&mix, sent, counted.samples_missing, &verdict(&counted)).await;
    let lists = join_all(sent.iter().map(async |sent| {
        let video = fetch(&stack.bucket(), &copied, sent, "video", dir.path()).await;
        let audio = fetch(&stack.bucket(), &copied, sent, "audio", dir.path()).await;
        check(&video, sent).await;
        check_sound(&audio, sent).await;
        let apart_ms = begins_ms(&video) - begins_ms(&audio);
        assert!(
            apart_ms.abs() < 1_500,
            "{}: the picture begins {apart_ms} ms behind the sound",
            sent.codec
        );
        video
    }))
    .await;
    check_browser(stack, &copied, sent, &lists).await;
}

/// Each user is seen in its colour in the last ten seconds, and heard all the time.
async fn check_mix(mix: &Mixed, sent: &[Sent], samples_missing: u64, verdict: &str) {
    let pictures = pictures(&mix.file, 1).await;
    for picture in pictures.iter().rev().skip(1).take(10) {
        for Sent { codec, colour, .. } in sent {
            assert!(shows(picture, colour.1), "{codec} is not in the mix: {verdict}");
        }
    }
    let sound = Sound::read(&mix.file).await;
    let allowed = 2 * (samples_missing as f64 / 48_000.0 / WINDOW).ceil() as usize;
    for Sent { tone, codec, .. } in sent {
        let faint = faint(&sound, *tone);
        assert!(
            faint.len() <= allowed,
            "{codec} is faint in the mix at {faint:?}: {verdict}"
        );
    }
}

fn shows(picture: &Picture, colour: Colour) -> bool {
    const STEPS: u32 = 12;
    let at = |step: u32| (f64::from(step) + 0.5) / f64::from(STEPS);
    (0..STEPS * STEPS).any(|cell| picture.at((at(cell % STEPS), at(cell / STEPS))) == colour)
}

/// When a tone is faint, in seconds; where users come and go does not count.
fn faint(sound: &Sound, tone: u32) -> Vec<f64> {
    let windows = ((sound.duration() - 2.0 * EDGE) / WINDOW).max(0.0) as usize;
    let is_faint = |at: &f64| {
        // A mix brings what came late back by as much as half a per cent of its speed.
        let mut pitches = (tone - tone / 200..=tone + tone / 200).step_by(4);
        !pitches.any(|pitch| sound.level(*at, WINDOW, pitch) >= PRESENT)
    };
    (0..windows)
        .map(|window| EDGE + window as f64 * WINDOW)
        .filter(is_faint)
        .collect()
}

/// A user's playlist and its slices, in a directory.
async fn fetch(bucket: &Bucket, task: &Task, sent: &Sent, track: &str, dir: &Path) -> PathBuf {
    let stem = format!("{}_{}__uid_s_{}__uid_e_{track}", task.sid, task.cname, sent.uid);
    for key in bucket.keys(&task.prefix).await {
        let name = key.strip_prefix(&task.prefix).expect("a listed object");
        if name.starts_with(&stem) {
            let object = bucket.get(&key).await.expect("a listed object");
            object.assert_headers();
            std::fs::write(dir.join(name), &object.data).expect("a file");
        }
    }
    dir.join(format!("{stem}.m3u8"))
}

/// When the first slice begins, in Unix milliseconds. A key frame comes each second.
fn begins_ms(list: &Path) -> i64 {
    let stem = list.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8");
    slice_ms(&read(list).entries[0].name, stem).expect("the name of a slice")
}

fn read(list: &Path) -> Playlist {
    let text = std::fs::read_to_string(list).expect("a playlist");
    let parsed = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(parsed.ended && parsed.entries.len() >= 2, "{text}");
    assert!(
        parsed.entries.iter().skip(1).all(|entry| !entry.discontinuity),
        "{text}"
    );
    let total: f64 = parsed.entries.iter().map(|entry| entry.duration).sum();
    assert!(total > 18.0, "{text}");
    parsed
}

/// Each slice is in its container, as long as is told, begins with a key frame, is decoded without a word and played by FFmpeg and
/// GStreamer in its colour; and so is the playlist, where players know the container.
async fn check(list: &Path, sent: &Sent) {
    let parsed = read(list);
    for entry in &parsed.entries {
        let slice = list.with_file_name(&entry.name);
        assert_eq!(slice.extension(), Some(sent.extension.as_ref()));
        let streams = probe::streams(&slice).await;
        assert_eq!(streams[0].codec_name, sent.codec);
        assert_eq!((streams[0].width, streams[0].height), (320, sent.height));
        assert_eq!(probe::warnings(&slice).await, "", "{}", slice.display());
        let packets = probe::packets(&slice).await;
        assert!(packets[0].key, "{}", slice.display());
        let times = packets.iter().map(|packet| packet.pts);
        let (first, last) = times.fold((f64::MAX, f64::MIN), |(first, last), pts| {
            (first.min(pts), last.max(pts))
        });
        let long = last - first + 1.0 / FPS;
        // The last picture is shown until the next one comes, or until its user is gone: on a busy machine that may be a while.
        assert!(
            entry.duration > long - 1.0 / FPS - TICK,
            "{}: {} s told, {long} s long",
            entry.name,
            entry.duration
        );
        let played = played_by_gstreamer(&slice).await;
        assert_eq!(played.len(), packets.len(), "{}: of GStreamer", slice.display());
        assert_all(&played, sent, &slice);
    }
    let media: Vec<PathBuf> = match sent.is_hls {
        true => vec![list.to_owned()],
        false => parsed
            .entries
            .iter()
            .map(|entry| list.with_file_name(&entry.name))
            .collect(),
    };
    for media in media {
        assert_eq!(probe::warnings(&media).await, "", "{}", media.display());
        assert_all(&pictures(&media, 2).await, sent, &media);
    }
}

fn assert_all(pictures: &[Picture], sent: &Sent, of: &Path) {
    let other = pictures
        .iter()
        .map(|picture| picture.at((0.5, 0.5)))
        .find(|seen| *seen != sent.colour.1);
    assert!(
        other.is_none() && !pictures.is_empty(),
        "{}: {other:?} is seen",
        of.display()
    );
}

async fn check_sound(list: &Path, sent: &Sent) {
    let total: f64 = read(list).entries.iter().map(|entry| entry.duration).sum();
    let sound = Sound::read(list).await;
    let long = sound.duration();
    // What a sender that fell behind sends to catch up is brought closer together, by at most 5 %.
    assert!(
        (total - 0.2..total * 1.05 + 0.2).contains(&long),
        "{}: {total} s told, {long} s long",
        sent.codec
    );
    let faint = faint(&sound, sent.tone);
    assert!(faint.len() <= 1, "{}: the tone is faint at {faint:?}", sent.codec);
}

/// All pictures of a file, as GStreamer decodes them.
async fn played_by_gstreamer(file: &Path) -> Vec<Picture> {
    // Its demuxer of MP4 guesses a frame rate for each fragment, and its decoders of VP8, VP9 and AV1 leave out what comes from a new guess
    // to the next keyframe, so they are told one rate for all.
    let source = match file.extension().is_some_and(|extension| extension == "mp4") {
        true => {
            let one_rate = ["vp8", "vp9", "av1"].map(|codec| format!("capssetter caps=video/x-{codec},framerate=30/1"));
            format!(
                "filesrc location={} ! qtdemux ! {} ! decodebin",
                file.display(),
                one_rate.join(" ! ")
            )
        }
        false => format!("uridecodebin uri=file://{}", file.display()),
    };
    let pipeline = format!("{source} ! videoconvert ! videoscale ! {} ! fdsink fd=1", Picture::CAPS);
    let output = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .output()
        .await
        .expect("GStreamer runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", file.display());
    Picture::read(&output.stdout)
}

/// Chromium plays what it can decode: playlists with hls.js, and a slice of those that HLS has no place for.
async fn check_browser(stack: &Stack, task: &Task, sent: &[Sent], lists: &[PathBuf]) {
    let delivery = Delivery::before(stack.bucket()).await;
    let played: Vec<_> = sent
        .iter()
        .zip(lists)
        .filter(|(sent, _)| sent.is_for_browsers)
        .collect();
    let urls = played.iter().map(|(sent, list)| {
        let name = match sent.is_hls {
            true => list
                .file_name()
                .and_then(|name| name.to_str())
                .expect("UTF-8")
                .to_owned(),
            false => read(list).entries[0].name.clone(),
        };
        delivery.url(&format!("{}{name}", task.prefix))
    });
    let seen = seen_in_browser(stack, urls).await;
    assert_eq!(seen.len(), played.len());
    for ((sent, _), seen) in played.iter().zip(&seen) {
        assert_eq!(
            (&seen["width"], &seen["height"]),
            (&json!(320), &json!(sent.height)),
            "{}: {seen}",
            sent.codec
        );
        assert_shown(sent.codec, sent.colour.1, seen);
    }
}

fn assert_shown(codec: &str, colour: Colour, seen: &Value) {
    let pixel = [0, 1, 2].map(|at| seen["colour"][at].as_u64().expect("a number") as u8);
    assert_eq!(Colour::of(pixel), colour, "{codec}: {seen}");
    // On a busy machine it may have had to wait for its decoder.
    let errors = seen["errors"].as_array().expect("a list");
    assert!(errors.iter().all(|error| error["fatal"] == false), "{codec}: {seen}");
}

/// What Chromium says of what it plays at each of these addresses.
async fn seen_in_browser(stack: &Stack, urls: impl IntoIterator<Item = String>) -> Vec<Value> {
    let output = Command::new("node")
        .args([SCRIPT, CHROMIUM])
        .arg(stack.logs())
        .args(urls)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{said}; a picture of the page is in {}",
        stack.logs().display()
    );
    let seen = String::from_utf8(output.stdout).expect("JSON");
    let lines = seen.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}
