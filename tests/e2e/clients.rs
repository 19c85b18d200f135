//! Clients of others, as they come: each publishes by WHIP beside users of RTSP and RTMP, all are recorded by themselves and in a mix,
//! and they watch one another by WHEP.

use std::path::Path;
use std::process::Stdio;

use protocol::TrackKind::{Audio, Video};
use serde_json::{Value, json};
use tapedeck_tests::customer::Task;
use tapedeck_tests::heard::Sound;
use tapedeck_tests::mixed::{Colour, Mixed, pictures};
use tapedeck_tests::publisher::{Media, Publisher, Transport, newer_ffmpeg};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::sync::{beeps, flashes, flashes_in, offsets};
use tapedeck_tests::{probe, wait};
use tokio::process::{Child, Command};

use crate::browsers::Page;
use crate::composed::{await_frames, counters, verdict};
use crate::docs_page::CHROMIUM;
use crate::steps::{self, CAPTURE_LIMIT, make_file, record_for};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python3");
/// What a viewer does not notice, in seconds.
const TOGETHER: f64 = 0.080;
/// Each user's colour and pitch. The first one comes by RTSP, the last one by RTMP, and those between by WebRTC.
const USERS: [(&str, Colour, u32); 5] = [
    ("red", Colour::Red, 1_000),
    ("blue", Colour::Blue, 1_700),
    ("0x00b000", Colour::Green, 2_600),
    ("magenta", Colour::Magenta, 3_500),
    ("0x009090", Colour::Cyan, 4_600),
];

/// A client that publishes until its input ends.
pub(crate) struct Client(Child);

impl Client {
    fn start(program: &str, words: &[String], logs: &Path, name: &str) -> Self {
        let log = std::fs::File::create(logs.join(name)).expect("a log");
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        Self(child.expect("the client starts"))
    }

    async fn leave(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().await.expect("a child");
    }
}

fn media((colour, _, pitch): (&str, Colour, u32)) -> Media {
    Media::flash_and_beep().on(colour).beeping_at(pitch)
}

/// A file of a user's, as clients take it: Opus in stereo, and pictures without B-frames.
async fn file(logs: &Path, number: usize, seconds: u64) -> String {
    let coding = "-c:v libx264 -profile:v baseline -preset veryfast -g 25 -pix_fmt yuv420p";
    let mut options = media(USERS[number]).in_opus().with_video(coding).file_options(seconds);
    options.extend(["-ac", "2"].map(str::to_owned));
    let file = make_file(logs, &format!("client-{number}.mp4"), &options).await;
    file.to_str().expect("UTF-8").to_owned()
}

pub(crate) async fn others_publish_unchanged_and_watch(stack: &Stack) {
    let seconds = if steps::is_soak() { 180 } else { 12 };
    let (customer, cname, logs) = (stack.customer(), "clients", stack.logs());
    let joined = async |count: usize| {
        wait::until("one more user", CAPTURE_LIMIT, async || {
            (stack.roster(cname).await.users.len() == count).then_some(())
        })
        .await;
    };
    let by_rtsp = media(USERS[0]).with_video("-c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p");
    let by_rtsp = by_rtsp.in_opus().without_delay();
    let mut first = Publisher::ffmpeg(&stack.publish_url(cname, "0"), &by_rtsp, Transport::Tcp, logs);
    joined(1).await;
    let [ffmpeg, aiortc, datachannel] = publish_by_three(stack, cname, seconds, &joined).await;
    // Without B-frames, so that browsers can play it, and with AAC, which they cannot.
    let by_rtmp = media(USERS[4]).with_video("-c:v libx264 -preset veryfast -g 25 -bf 0 -pix_fmt yuv420p");
    let mut last = Publisher::ffmpeg_by_rtmp(&stack.rtmp_url(cname, "4"), &by_rtmp, logs);
    joined(5).await;

    let individual = customer.record(cname, |_| {}).await;
    let mix = customer
        .record_as("9001", "clientsmixed", "mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 25, "bitrate": 500, "mixedVideoLayout": 1,
            });
        })
        .await;
    steps::await_playlists(&customer, &individual, 2 * USERS.len()).await;
    await_frames(stack, &mix, 25).await;
    record_for(seconds).await;
    let mix_counters = counters(stack, &mix).await;
    customer.stop(&mix).await.expect(200);
    steps::stop(&customer, &individual).await;

    watched_by_aiortc(stack, cname).await;
    used_by_libraries(stack, cname).await;
    first.assert_alive();
    last.assert_alive();
    drop(ffmpeg);
    for client in [aiortc, datachannel] {
        client.leave().await;
    }
    is_in_files_of_their_own(stack, &individual, seconds).await;
    println!("{}", verdict(&mix_counters));
    is_in_the_mix(stack, &mix, seconds).await;
}

/// The three in the middle publish by clients of others, one after another.
async fn publish_by_three(stack: &Stack, cname: &str, seconds: u64, joined: &impl AsyncFn(usize)) -> [Client; 3] {
    let logs = stack.logs();
    let url = |number: usize| stack.web_url("whip", cname, &number.to_string());
    // Longer than they are played: where a file begins again, clients skip.
    let length = seconds + 60;
    let blue = file(logs, 1, length).await;
    let green = file(logs, 2, length).await;
    let magenta = file(logs, 3, length).await;
    let input = |file: &str| ["-re", "-stream_loop", "-1", "-i", file].map(str::to_owned);
    let own = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let ffmpeg = [
        own("-nostats -v warning"),
        input(&blue).to_vec(),
        own("-c copy -f whip"),
        vec![url(1)],
    ]
    .concat();
    let ffmpeg = Client::start(
        newer_ffmpeg().to_str().expect("UTF-8"),
        &ffmpeg,
        logs,
        "whip-ffmpeg.log",
    );
    joined(2).await;
    let script = format!("{ROOT}/tests/clients/whip.py");
    let aiortc = Client::start(
        PYTHON,
        &[script, "publish".to_owned(), green, url(2)],
        logs,
        "whip-aiortc.log",
    );
    joined(3).await;
    let datachannel = [&[format!("{ROOT}/scripts/whip.cjs"), url(3)][..], &input(&magenta)].concat();
    let datachannel = Client::start("node", &datachannel, logs, "whip-datachannel.log");
    joined(4).await;
    [ffmpeg, aiortc, datachannel]
}

/// Five clients of WebRTC, two of them pages of Chromium, are in one mix for minutes.
pub(crate) async fn five_by_webrtc_keep_together(stack: &Stack) {
    let (customer, cname, seconds) = (stack.customer(), "fiveclients", 180);
    let joined = async |count: usize| {
        wait::until("one more user", CAPTURE_LIMIT, async || {
            (stack.roster(cname).await.users.len() == count).then_some(())
        })
        .await;
    };
    let page = async |number: usize, codec: &str| {
        let (colour, _, pitch) = USERS[number];
        let colour = colour.replace("0x", "#");
        let url = stack.web_url("whip", cname, &number.to_string());
        Page::open(&format!("flash,{colour},{pitch}"), &url, codec, stack).await
    };
    let first = page(0, "vp8").await;
    joined(1).await;
    let [ffmpeg, aiortc, datachannel] = publish_by_three(stack, cname, seconds, &joined).await;
    let last = page(4, "av1").await;
    joined(5).await;
    let mix = customer
        .record_as("9001", cname, "mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 25, "bitrate": 500, "mixedVideoLayout": 1,
            });
        })
        .await;
    await_frames(stack, &mix, 25).await;
    record_for(seconds).await;
    let mix_counters = counters(stack, &mix).await;
    customer.stop(&mix).await.expect(200);
    drop(ffmpeg);
    for client in [aiortc, datachannel] {
        client.leave().await;
    }
    for page in [first, last] {
        let late = page.close().await["late"].clone();
        let late = late.as_array().into_iter().flatten().filter_map(Value::as_f64);
        println!("a page has drawn {:.3} s late at worst", late.fold(0.0, f64::max));
    }
    println!("{}", verdict(&mix_counters));
    is_in_the_mix(stack, &mix, seconds).await;
}

/// How far apart flash and beep are in all but the worst of ten.
fn usual(who: &str, seconds: u64, mut apart: Vec<f64>) -> f64 {
    assert!(apart.len() as u64 + 3 >= seconds, "{who}: {} events", apart.len());
    apart.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let at = |percent: usize| apart[(apart.len() - 1) * percent / 100];
    println!(
        "{who}: {} events, offset {:.1} ms in the middle, {:.1} ms at worst",
        apart.len(),
        at(50) * 1000.0,
        at(100) * 1000.0
    );
    at(90).abs()
}

async fn is_in_files_of_their_own(stack: &Stack, task: &Task, seconds: u64) {
    let recording = Recording::fetch(&stack.bucket(), task).await;
    recording.check().await;
    for (number, (name, colour, pitch)) in USERS.into_iter().enumerate() {
        let uid = number.to_string();
        let (video, audio) = (recording.track(&uid, Video), recording.track(&uid, Audio));
        for track in [video, audio] {
            assert!(track.duration() > seconds as f64, "{name}: {} s", track.duration());
            assert_eq!(track.breaks(), 0, "{}", track.file_name());
        }
        let apart = offsets(&flashes(&video.file).await, &beeps(&audio.file).await);
        let apart = usual(name, seconds, apart);
        assert!(apart <= TOGETHER, "{name}: {apart:.3} s");
        let shown = pictures(&video.file, 5).await;
        assert_shown(
            name,
            &shown.iter().map(|picture| picture.at((0.5, 0.5))).collect::<Vec<_>>(),
            colour,
        );
        let heard = Sound::read(&audio.file).await.onsets(pitch).len() as u64;
        assert!(heard + 3 >= seconds, "{name}: {heard} beeps of {pitch} Hz");
    }
}

/// The place of each user's picture among nine, at a fraction of the width and the height.
fn place(number: usize) -> (f64, f64) {
    (
        (number % 3) as f64 / 3.0 + 1.0 / 6.0,
        (number / 3) as f64 / 3.0 + 1.0 / 6.0,
    )
}

async fn is_in_the_mix(stack: &Stack, task: &Task, seconds: u64) {
    let mixed = Mixed::fetch(&stack.bucket(), task).await;
    mixed.check().await;
    let starts = probe::starts(&mixed.slices[0].1).await;
    let (shown, sound) = (pictures(&mixed.file, 5).await, Sound::read(&mixed.file).await);
    for (number, (name, colour, pitch)) in USERS.into_iter().enumerate() {
        let middle = place(number);
        let seen = shown.iter().map(|picture| picture.at(middle));
        // Until the user's next keyframe.
        let seen: Vec<_> = seen.skip_while(|seen| *seen == Colour::Black).collect();
        assert!(
            seen.len() as u64 >= 5 * seconds,
            "{name} is in the mix for {} pictures",
            seen.len()
        );
        assert_shown(&format!("{name} in the mix"), &seen, colour);
        let (x, y) = ((middle.0 * 640.0) as u32 - 60, (middle.1 * 360.0) as u32 - 40);
        let flashes = flashes_in(&mixed.file, &format!("crop=120:80:{x}:{y}")).await;
        let onsets = sound.onsets(pitch);
        let heard: Vec<_> = onsets.into_iter().map(|beep| beep + starts.audio).collect();
        let apart = usual(&format!("{name} in the mix"), seconds, offsets(&flashes, &heard));
        assert!(apart <= TOGETHER, "{name} in the mix: {apart:.3} s");
    }
}

/// Of a second's pictures one in ten is a flash.
fn assert_shown(who: &str, seen: &[Colour], colour: Colour) {
    let others: Vec<_> = seen
        .iter()
        .filter(|seen| ![colour, Colour::White].contains(seen))
        .collect();
    assert!(others.len() * 50 <= seen.len(), "{who}: {others:?} of {}", seen.len());
    let own = seen.iter().filter(|seen| **seen == colour).count();
    assert!(own * 10 >= seen.len() * 7, "{who}: {own} of {}", seen.len());
}

/// What aiortc says that it plays of each of these URLs.
pub(crate) async fn play_by_aiortc(urls: &[String]) -> Vec<Value> {
    let output = Command::new(PYTHON)
        .args([&format!("{ROOT}/tests/clients/whip.py"), "play"])
        .args(urls)
        .kill_on_drop(true)
        .output()
        .await
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let played: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(played.len(), urls.len(), "{lines}");
    played
}

async fn watched_by_aiortc(stack: &Stack, cname: &str) {
    let urls: Vec<_> = (0..USERS.len())
        .map(|uid| stack.web_url("whep", cname, &uid.to_string()))
        .collect();
    let played = play_by_aiortc(&urls).await;
    for (played, (name, colour, _)) in played.iter().zip(USERS) {
        println!("{name}: {played}");
        assert_eq!(played["size"], json!([320, 180]), "{name}: {played}");
        assert_eq!(played["samples"], 960, "{name}: {played}");
        let pixel = [0, 1, 2].map(|part| played["middle"][part].as_u64().unwrap_or_default() as u8);
        let seen = Colour::of(pixel);
        // It may be the moment of a flash.
        assert!(seen == colour || seen == Colour::White, "{name}: {played}");
    }
}

/// Publishes media by the WHIP of an FFmpeg that has it.
pub(crate) fn publish_by_ffmpeg(url: &str, media: &Media, logs: &Path) -> Client {
    let mut options = vec!["-nostats".to_owned(), "-v".to_owned(), "warning".to_owned()];
    options.extend(media.live_options());
    options.extend(["-ac", "2", "-f", "whip", url].map(str::to_owned));
    let program = newer_ffmpeg().to_str().expect("UTF-8");
    Client::start(program, &options, logs, "whip-live.log")
}

/// What libraries say that they play of each of these URLs, while they publish themselves.
pub(crate) async fn play_by_libraries(whip: &str, urls: &[String]) -> Value {
    let script = format!("{ROOT}/tests/browser/others.cjs");
    let output = Command::new("node")
        .args([&script, CHROMIUM, whip])
        .args(urls)
        .kill_on_drop(true)
        .output();
    let output = output.await.expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A user of each protocol is watched, by the library and by a page of a few lines.
async fn used_by_libraries(stack: &Stack, cname: &str) {
    let whip = stack.web_url("whip", "libraries", "1");
    let watched = ["0", "4", "2"].map(|uid| stack.web_url("whep", cname, uid));
    let said = play_by_libraries(&whip, &watched).await;
    println!("{said}");
    assert_eq!(said["complaints"], json!([]), "{said}");
    let played = said["played"].as_array().expect("a list");
    assert_eq!(played.len(), 2 * watched.len(), "{said}");
    for played in played {
        assert_eq!(played["size"], json!([320, 180]), "{said}");
    }
}
