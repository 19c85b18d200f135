//! Users who come by WebRTC, in Chromium: what they publish by WHIP is recorded and mixed like that of others, and played by WHEP.

use std::process::Stdio;

use protocol::TrackKind::{Audio, Video};
use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::heard::{ABSENT, PRESENT, Sound};
use tapedeck_tests::mixed::{Colour, Mixed, pictures};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::sync::{beeps, flashes, flashes_in, offsets};
use tapedeck_tests::{probe, wait};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::channel_tokens::App;
use crate::codecs;
use crate::composed::await_frames;
use crate::docs_page::CHROMIUM;
use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// As Chromium offers it.
const OFFER: &str = include_str!("../../media-node/src/rtc/offer/chromium.sdp");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/");
/// What a viewer does not notice, in seconds.
const TOGETHER: f64 = 0.080;

/// A page in Chromium that does what its script says until it is told to end.
pub(crate) struct Page {
    process: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Page {
    /// Opens it and waits until media flows. `kind`: as the script has it.
    pub(crate) async fn open(kind: &str, url: &str, codec: &str, stack: &Stack) -> Self {
        let mut page = Self::begin(kind, url, codec, stack);
        let first = page.line().await;
        assert!(!first["connected"].is_null(), "{kind} {url}: {first}");
        page
    }

    fn begin(kind: &str, url: &str, codec: &str, stack: &Stack) -> Self {
        let logs = stack.logs().to_string_lossy();
        Self::run("webrtc.cjs", &[kind, url, &logs, codec])
    }

    /// Runs a script, which gets the browser and `words`.
    pub(crate) fn run(script: &str, words: &[&str]) -> Self {
        let mut process = Command::new("node")
            .args([&format!("{SCRIPTS}{script}"), CHROMIUM])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self {
            input: process.stdin.take(),
            process,
            lines,
        }
    }

    /// The next thing that it says.
    pub(crate) async fn line(&mut self) -> Value {
        match self.lines.next_line().await.expect("a pipe") {
            Some(line) => serde_json::from_str(&line).expect("a line of JSON"),
            None => panic!("the page has failed: {}", self.complaints().await),
        }
    }

    async fn complaints(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            // What cannot be read is not told.
            let _ = tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut text).await;
        }
        text
    }

    /// Tells it to go on.
    async fn go(&mut self) {
        let input = self.input.as_mut().expect("it has not been told to end");
        input.write_all(b"go\n").await.expect("it listens");
    }

    /// Has it end, and returns what it says of that.
    pub(crate) async fn close(mut self) -> Value {
        self.input = None;
        self.line().await
    }
}

pub(crate) async fn pages_are_recorded_mixed_and_played(stack: &Stack) {
    let seconds = 20;
    let (customer, cname) = (stack.customer(), "browsers");
    let joined = async |count: usize| {
        wait::until("one more user", CAPTURE_LIMIT, async || {
            (stack.roster(cname).await.users.len() == count).then_some(())
        })
        .await;
    };
    let one = Page::open("flash", &stack.web_url("whip", cname, "1"), "h264", stack).await;
    joined(1).await;
    // With B-frames and AAC, which browsers cannot play: the node makes other media of them.
    let media = Media::flash_and_beep()
        .beeping_at(3000)
        .with_video("-c:v libx264 -preset veryfast -g 50 -bf 2 -pix_fmt yuv420p");
    let mut two = Publisher::ffmpeg(&stack.publish_url(cname, "2"), &media, Transport::Tcp, stack.logs());
    joined(2).await;
    // In the codec that Chromium prefers.
    let three = Page::open("layers", &stack.web_url("whip", cname, "3"), "", stack).await;
    joined(3).await;
    let individual = customer
        .record(cname, |request| {
            request["recordingConfig"]["subscribeVideoUids"] = json!(["1"]);
            request["recordingConfig"]["subscribeAudioUids"] = json!(["1"]);
        })
        .await;
    let mix = customer
        .record_as("9001", "browsersmixed", "mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 30, "bitrate": 500, "mixedVideoLayout": 1,
            });
        })
        .await;
    steps::await_playlists(&customer, &individual, 2).await;
    await_frames(stack, &mix, 30).await;
    let player = Page::open("play", &stack.web_url("whep", cname, "1"), "", stack).await;
    // Of the pictures that it sends at once the best is the user's, and the smallest the user's small one.
    wait::until("the best picture is played by RTSP", CAPTURE_LIMIT, async || {
        let streams = probe::played(&stack.publish_url(cname, "3")).await?;
        let codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
        assert!(codecs.contains(&"opus") && codecs.len() == 2, "{codecs:?}");
        streams.iter().any(|stream| stream.width == 640).then_some(())
    })
    .await;
    let low = probe::played(&format!("{}/low", stack.publish_url(cname, "3")))
        .await
        .expect("the small one is played by RTSP");
    assert!(low.len() == 1 && low[0].width == 160, "{low:?}");
    // Whoever has no room for more gets the small one, too.
    let sized = probe::played(&format!("{}?fill=150x80", stack.publish_url(cname, "3"))).await;
    assert_eq!(sized.expect("it is played by RTSP")[0].width, 160);
    let small = Page::open(
        "play",
        &format!("{}?height=90", stack.web_url("whep", cname, "3")),
        "",
        stack,
    )
    .await;
    assert_eq!(small.close().await["width"], 160);
    let heard = Page::open("play", &stack.web_url("whep", cname, "2"), "", stack).await;
    record_for(seconds).await;
    two.assert_alive();
    let figures = stack.node_metrics().await;
    // Other tests may have some, too.
    assert!(figures["tapedeck_rtc_sessions{kind=\"publish\"}"] >= 2.0);
    assert!(figures["tapedeck_rtc_sessions{kind=\"play\"}"] >= 1.0);
    assert!(figures["tapedeck_rtc_transcoded_pictures"] >= 1.0);
    assert_eq!(figures["tapedeck_rtc_failed_sessions_total"], 0.0);

    let heard = heard.close().await;
    assert!(heard["audio"]["energy"].as_f64() > Some(0.0), "{heard}");
    assert!(heard["video"]["frames"].as_u64() > Some(seconds * 10), "{heard}");
    let played = player.close().await;
    assert!(played["video"]["frames"].as_u64() > Some(seconds * 10), "{played}");
    assert!(played["audio"]["energy"].as_f64() > Some(0.0), "{played}");
    assert_eq!(
        (&played["width"], &played["ended"]),
        (&json!(320), &json!(200)),
        "{played}"
    );
    customer.stop(&mix).await.expect(200);
    steps::stop(&customer, &individual).await;
    let mut late = Vec::new();
    for page in [one, three] {
        let published = page.close().await;
        assert_eq!(
            (&published["ended"], &published["told"]),
            (&json!(200), &json!([])),
            "{published}"
        );
        late.extend(
            published["late"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_f64),
        );
    }
    // Both pages have said that they end.
    joined(1).await;

    let recording = Recording::fetch(&stack.bucket(), &individual).await;
    recording.check().await;
    let (audio, video) = (recording.track("1", Audio), recording.track("1", Video));
    for track in [audio, video] {
        assert!(track.duration() > seconds as f64, "{} s", track.duration());
        assert_eq!(track.breaks(), 0, "{}", track.file_name());
    }
    let apart = offsets(&flashes(&video.file).await, &beeps(&audio.file).await);
    assert!(apart.len() as u64 + 3 >= seconds, "{} events", apart.len());
    assert_none_is_further_apart(&apart, &late);

    let mixed = Mixed::fetch(&stack.bucket(), &mix).await;
    mixed.check().await;
    let tracks = probe::starts(&mixed.slices[0].1).await;
    let sound = Sound::read(&mixed.file).await;
    for (number, pitch) in [(0, 1000), (1, 3000)] {
        // The middle of the user's quarter.
        let flashes = flashes_in(&mixed.file, &format!("crop=160:90:{}:45", 80 + number * 320)).await;
        let beeps: Vec<_> = sound
            .onsets(pitch)
            .into_iter()
            .map(|beep| beep + tracks.audio)
            .collect();
        let mut apart = offsets(&flashes, &beeps);
        assert!(apart.len() as u64 + 3 >= seconds, "{number}: {} events", apart.len());
        apart.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        // A tone that begins within another user's is not heard to begin.
        let usual = apart[apart.len() * 80 / 100];
        assert!(usual.abs() <= TOGETHER, "{number}: {apart:?}");
    }
}

pub(crate) async fn what_happens_to_media_in_a_call_is_in_the_recordings(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "course");
    let users = [("1", "h264"), ("2", "vp9:L3T3_KEY"), ("3", "av1:L1T3"), ("4", "vp8")];
    let urls = users.map(|(uid, _)| stack.web_url("whip", cname, uid)).join(",");
    let mut page = Page::open("course", &urls, &users.map(|(_, codec)| codec).join(","), stack).await;
    let individual = customer
        .record(cname, |request| {
            request["recordingConfig"]["subscribeVideoUids"] = json!(["1"]);
            request["recordingConfig"]["subscribeAudioUids"] = json!(["1"]);
        })
        .await;
    let others = customer
        .record_as("9002", "courseothers", "individual", cname, |request| {
            request["recordingConfig"]["subscribeVideoUids"] = json!(["2", "3", "4"]);
        })
        .await;
    let mix = customer
        .record_as("9001", "coursemixed", "mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1,
            });
        })
        .await;
    await_frames(stack, &mix, 15).await;
    // There is no sound yet.
    steps::await_playlists(&customer, &individual, 1).await;
    page.go().await;
    let said = page.line().await;
    assert_eq!(said["offered"], json!({"fec": true, "answered": false}));
    assert_eq!(said["restarted"], json!(true), "{said}");
    customer.stop(&mix).await.expect(200);
    steps::stop(&customer, &others).await;
    steps::stop(&customer, &individual).await;
    let published = page.close().await;
    assert_eq!(
        (&published["ended"], &published["told"]),
        (&json!(200), &json!([])),
        "{published}"
    );

    let mixed = Mixed::fetch(&stack.bucket(), &mix).await;
    mixed.check().await;
    // What is seen for less than half a second is on the way from one picture to the next.
    let pictures = pictures(&mixed.file, 10).await;
    // The others, in VP9, AV1 and VP8, are beside it and below.
    let middle = &pictures[pictures.len() / 2];
    assert_eq!(
        [(0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].map(|place| middle.at(place)),
        [Colour::Green; 3]
    );
    let seen: Vec<Colour> = pictures.iter().map(|picture| picture.at((0.25, 0.25))).collect();
    let runs = seen.chunk_by(|one, other| one == other).filter(|run| run.len() >= 5);
    let runs: Vec<(Colour, f64)> = runs.map(|run| (run[0], run.len() as f64 / 10.0)).collect();
    let colours: Vec<Colour> = runs.iter().map(|(colour, _)| *colour).collect();
    use Colour::{Black, Blue, Red};
    assert!(colours.ends_with(&[Red, Black, Red, Blue, Red]), "{runs:?}");
    let last = &runs[runs.len() - 4..];
    // A picture that is taken away stays, and what comes behind it comes when it was sent.
    for ((_, lasted), expected) in last.iter().zip([2.0, 2.0, 4.0]) {
        assert!((lasted - expected).abs() < 1.0, "{runs:?}");
    }

    let recording = Recording::fetch(&stack.bucket(), &individual).await;
    recording.check().await;
    let (audio, video) = (recording.track("1", Audio), recording.track("1", Video));
    let (audio_begins, video_begins) = (probe::starts(&audio.file).await, probe::starts(&video.file).await);
    let late = audio_begins.audio - video_begins.video;
    assert!(late > 1.5, "the sound begins {late} s behind the picture");
    let sides = [
        Sound::read_side(&audio.file, 0).await,
        Sound::read_side(&audio.file, 1).await,
    ];
    let levels = |from: f64| {
        let level = |side: usize, frequency| sides[side].level(from, 0.2, frequency);
        [level(0, 440), level(0, 880), level(1, 880), level(1, 440)]
    };
    for second in [0.8, 1.3, 5.0, 9.0, 12.0] {
        let [left, not_left, right, not_right] = levels(second);
        assert!(
            left.min(right) >= PRESENT && not_left.max(not_right) <= ABSENT,
            "{second}: {:?}",
            levels(second)
        );
    }
    for second in [2.6, 3.0, 3.4] {
        assert!(
            levels(second).iter().all(|level| *level <= ABSENT),
            "{second}: {:?}",
            levels(second)
        );
    }
    let sizes = probe::sizes(&video.file).await;
    // The last one came over a connection that was begun anew.
    assert_eq!(sizes, [(320, 180), (640, 360), (320, 180), (160, 90)]);
    codecs::are_copied(
        stack,
        &others,
        &[
            ("2", "mp4", "vp9", 640),
            ("3", "mp4", "av1", 320),
            ("4", "webm", "vp8", 320),
        ],
    )
    .await;
}

/// No flash is further from its beep than a viewer notices, beyond what the page itself drew it too late. `late`: that of these flashes
/// and of others: the worst of the ones is no worse than the worst of the others, and so on.
fn assert_none_is_further_apart(apart: &[f64], late: &[f64]) {
    let worst_first = |values: &[f64]| {
        let mut values: Vec<f64> = values.iter().map(|value| value.abs()).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        values
    };
    let (apart, late) = (worst_first(apart), worst_first(late));
    println!("flash and beep apart: {apart:.3?}; drawn late: {late:.3?}");
    for (apart, late) in apart.iter().zip(late.iter().chain(std::iter::repeat(&0.0))) {
        assert!(*apart <= TOGETHER + late, "{apart:.3} s, {late:.3} s of it drawn late");
    }
}

pub(crate) async fn a_token_lets_in_and_whoever_has_none_is_told(stack: &Stack) {
    let app = App::new(stack, &json!({})).await;
    let url = |protocol: &str| format!("{}/{protocol}/{}/lobby/1", stack.info.edge, app.app_id());
    let (own, play) = (
        app.token("lobby", "1", &["publish", "play"]),
        app.token("lobby", "1", &["play"]),
    );
    let client = &stack.customer().client;
    let post = async |url: &str, token: Option<&str>| {
        let request = client.post(url).header("content-type", "application/sdp").body("v=0");
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    for (token, status, said) in [
        (None, 401, "asks for a channel token"),
        (Some("wrong"), 401, "refused"),
        (Some(&*play), 403, "does not allow to publish"),
        (Some(&*own), 400, "offer"),
    ] {
        let (answered, text) = post(&url("whip"), token).await;
        assert!(answered == status && text.contains(said), "{answered}: {text}");
    }
    only_the_client_knows_its_session(stack, &app, &url("whip"), &own).await;
    let publisher = Page::open("fake", &format!("{}?token={own}", url("whip")), "", stack).await;
    let player = Page::open("play", &format!("{}?token={play}", url("whep")), "", stack).await;
    assert_eq!(player.close().await["ended"], 200);
    assert_eq!(publisher.close().await["ended"], 200);
}

/// Whoever knows a session's address can end it, without a token: so nobody else is told it, and no log has it.
async fn only_the_client_knows_its_session(stack: &Stack, app: &App, url: &str, token: &str) {
    let client = &stack.customer().client;
    let begin = client
        .post(url)
        .header("content-type", "application/sdp")
        .bearer_auth(token);
    let begun = begin.body(OFFER).send().await.expect("an answer");
    assert_eq!(begun.status(), 201);
    let location = begun.headers()["location"].to_str().expect("ASCII").to_owned();
    let (_, id) = location.rsplit_once('/').expect("a path");
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{location}"
    );
    let listed = stack
        .admin(Method::GET, &format!("apps/{}/channels", app.app_id()), &Value::Null)
        .await;
    assert!(!listed.body.to_string().contains(id), "{}", listed.body);
    let session = reqwest::Url::parse(url).expect("a URL").join(&location).expect("a URL");
    let ended = async || {
        client
            .delete(session.clone())
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    assert_eq!((ended().await, ended().await), (200, 404));
    let (mut logs, mut read) = (vec![stack.logs().to_owned()], 0);
    while let Some(path) = logs.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).expect("a directory");
            logs.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.to_string_lossy().ends_with("log") {
            let log = std::fs::read(&path).expect("a file");
            read += log.len();
            let is_told = log.windows(id.len()).any(|part| part == id.as_bytes());
            assert!(!is_told, "{} has a session's address", path.display());
        }
    }
    assert!(read > 0, "there are no logs in {}", stack.logs().display());
}
