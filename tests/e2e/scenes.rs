//! Mixes whose scenes show several streams of one user, at their pixels, and texts over them. They are asked of a node without an
//! edge.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use protocol::{Phase, Report};
use reqwest::Client;
use serde_json::{Value, json};
use tapedeck_tests::customer::Task;
use tapedeck_tests::mixed::Mixed;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Stack, free_ports, node_program};
use tapedeck_tests::{probe, wait};
use tokio::process::{Child, Command};

use crate::steps::CAPTURE_LIMIT;

const APP: &str = "scenes";
const CHANNEL: &str = "room";
const SID: &str = "5ce5e5ce5e5ce5ce5e5ce5ce5e5ce5ce";
const TOKEN: &str = "a token of the scenes' own";

const WIDTH: usize = 640;
const HEIGHT: usize = 360;

/// Where something is on the canvas: left, top, width and height in pixels.
type Place = [usize; 4];
const CAMERA: Place = [13, 21, 201, 149];
const SCREEN: Place = [214, 21, 333, 187];
const TIME: Place = [20, 260, 400, 50];

/// Luma of the publishers' colours as FFmpeg makes them, and of the background.
const RED: u8 = 81;
const GREEN: u8 = 145;
const BLUE: u8 = 41;
/// As much is lost in coding.
const NEAR: u8 = 24;

/// A node without an edge.
struct Node {
    api: String,
    rtsp: String,
    client: Client,
    _process: Child,
}

impl Node {
    async fn start(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let [api, rtsp] = free_ports();
        let log = File::create(dir.join("log")).expect("a log file");
        let process = Command::new(node_program())
            .arg("serve")
            .env("TAPEDECK_NODE_LISTEN", format!("127.0.0.1:{api}"))
            .env("TAPEDECK_RTSP_LISTEN", format!("127.0.0.1:{rtsp}"))
            .env("TAPEDECK_SPOOL", dir.join("spool"))
            .env("TAPEDECK_NODE_TOKEN", TOKEN)
            .env("TAPEDECK_ALLOW_PRIVATE_TARGETS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .expect("media-node starts");
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(70));
        let node = Self {
            api: format!("http://127.0.0.1:{api}"),
            rtsp: format!("rtsp://127.0.0.1:{rtsp}"),
            client: client.build().expect("an HTTP client"),
            _process: process,
        };
        wait::until("the node is ready", CAPTURE_LIMIT, async || {
            let answer = node.client.get(format!("{}/readyz", node.api)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        node
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> Report {
        let request = self.client.request(method, format!("{}{path}", self.api));
        let answer = request.bearer_auth(TOKEN).json(body).send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{status}: {body}");
        serde_json::from_str(&body).expect("a report")
    }

    async fn report(&self) -> Option<Report> {
        let request = self.client.get(format!("{}/v1/recordings/{SID}", self.api));
        let answer = request.bearer_auth(TOKEN).send().await.ok()?;
        answer.json().await.ok()
    }
}

fn region(stream: &str, [left, top, width, height]: Place) -> Value {
    let part = |pixels: usize, length: usize| pixels as f64 / length as f64;
    json!({
        "uid": "1", "stream": stream, "fill": "stretch", "alpha": 1.0,
        "x": part(left, WIDTH), "y": part(top, HEIGHT), "width": part(width, WIDTH), "height": part(height, HEIGHT),
    })
}

fn job(stack: &Stack) -> Value {
    let s3 = &stack.info.s3;
    let [left, top, ..] = TIME.map(|pixels| pixels as f64);
    let time = json!({
        "x": left / WIDTH as f64, "y": top / HEIGHT as f64, "content": {"time": {"utc_offset_minutes": 480}},
        "colour": {"r": 255, "g": 255, "b": 255}, "size_px": 32, "opacity": 1.0,
    });
    let scene = json!({
        "version": 1,
        "layout": {"type": "custom", "regions": [region("camera", CAMERA), region("screen", SCREEN)]},
        "background": {"r": 0, "g": 0, "b": 255},
        "texts": [time],
    });
    json!({
        "sid": SID, "epoch": 1, "recorder": {"app_id": APP, "channel": CHANNEL, "uid": "9"},
        "mode": "mix",
        "mix": {
            "output": {"width": WIDTH, "height": HEIGHT, "fps": 15, "bitrate_kbps": 2_000, "audio": "mono48"},
            "scene": scene,
            "mp4": true,
        },
        "source": {"type": "builtin"},
        "subscription": {"version": 1, "types": "both", "audio": {"only": ["1"]}, "video": "all"},
        "playlist": {"strict_extinf": true},
        "storage": {
            "kind": "s3", "endpoint": s3.endpoint, "region": "us-east-1", "bucket": s3.bucket,
            "access_key": s3.access_key, "secret_key": s3.secret_key, "prefix": APP,
        },
    })
}

/// The luma of each picture of a file at so many a second.
async fn lumas(file: &Path, a_second: u32) -> Vec<Vec<u8>> {
    let filter = format!("fps={a_second},format=gray");
    let raw = [
        "-map", "0:v:0", "-vf", &filter, "-f", "rawvideo", "-pix_fmt", "gray", "-",
    ];
    let (pixels, _) = probe::decode(&[], file, &raw).await;
    pixels.chunks_exact(WIDTH * HEIGHT).map(<[u8]>::to_vec).collect()
}

/// What is not as it should be at the edges of a region whose neighbours are given: left, right, above and below.
fn wrong_edges(picture: &[u8], [left, top, width, height]: Place, own: u8, around: [u8; 4]) -> Vec<String> {
    let (right, bottom) = (left + width, top + height);
    let (middle_x, middle_y) = (left + width / 2, top + height / 2);
    let checks = [
        ((left, middle_y), own),
        ((left - 1, middle_y), around[0]),
        ((right - 1, middle_y), own),
        ((right, middle_y), around[1]),
        ((middle_x, top), own),
        ((middle_x, top - 1), around[2]),
        ((middle_x, bottom - 1), own),
        ((middle_x, bottom), around[3]),
    ];
    let wrong = checks.into_iter().filter_map(|((x, y), wanted)| {
        let found = picture[y * WIDTH + x];
        (found.abs_diff(wanted) > NEAR).then(|| format!("({x}, {y}) is {found}, not {wanted}"))
    });
    wrong.collect()
}

/// The part of a picture where a text is, black and white.
fn written(picture: &[u8], [left, top, width, height]: Place) -> Vec<bool> {
    let rows = picture.chunks_exact(WIDTH).skip(top).take(height);
    rows.flat_map(|row| &row[left..left + width])
        .map(|luma| *luma > 140)
        .collect()
}

pub(crate) async fn two_streams_of_one_user_are_at_their_pixels_below_a_clock(stack: &Stack) {
    let dir = stack.logs().join("scenes-node");
    let node = Node::start(&dir).await;
    let streams = [
        ("1", "0xff0000"),
        ("1/screen", "0x00ff00"),
        ("1/whiteboard", "0xffffff"),
    ];
    let _streams = streams.map(|(path, colour)| {
        let url = format!("{}/{APP}/{CHANNEL}/{path}", node.rtsp);
        Publisher::ffmpeg(&url, &Media::plain_and_tone(colour, 440), Transport::Tcp, stack.logs())
    });
    wait::until("all streams", CAPTURE_LIMIT, async || {
        let request = node.client.get(format!("{}/v1/channels/{APP}/{CHANNEL}", node.api));
        let answer = request.bearer_auth(TOKEN).send().await.ok()?;
        let roster: protocol::Roster = answer.json().await.ok()?;
        roster
            .users
            .first()
            .filter(|user| user.streams.len() == streams.len())
            .map(drop)
    })
    .await;
    let path = format!("/v1/recordings/{SID}");
    node.call(reqwest::Method::PUT, &path, &job(stack)).await;
    let report = wait::until("six seconds of the mix", CAPTURE_LIMIT, async || {
        let report = node.report().await?;
        (report.mix?.frames >= 90).then_some(report)
    })
    .await;
    assert_eq!(report.problems, []);
    let stop = json!({
        "epoch": 1, "directive": {"stop": "stopped"},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
    });
    let stopped = format!("{path}/desired?wait_ms=30000");
    let report = node.call(reqwest::Method::POST, &stopped, &stop).await;
    assert_eq!(report.phase, Phase::Ended, "{report:?}");

    let task = Task {
        mode: "mix",
        cname: CHANNEL.to_owned(),
        uid: "9".to_owned(),
        resource_id: String::new(),
        sid: SID.to_owned(),
        prefix: format!("{APP}/"),
    };
    let mixed = Mixed::fetch(&stack.bucket(), &task).await;
    mixed.check().await;
    for file in [&mixed.mp4[0], &mixed.file] {
        let pictures = lumas(file, 4).await;
        // Both streams have come within the first seconds.
        let settled = &pictures[pictures.len() / 2..];
        assert!(settled.len() >= 8, "{} pictures", pictures.len());
        for picture in settled {
            let camera = wrong_edges(picture, CAMERA, RED, [BLUE, GREEN, BLUE, BLUE]);
            let screen = wrong_edges(picture, SCREEN, GREEN, [RED, BLUE, BLUE, BLUE]);
            assert_eq!(
                [camera, screen],
                [vec![], vec![]] as [Vec<String>; 2],
                "{}",
                file.display()
            );
        }
        let clocks: Vec<_> = settled.iter().map(|picture| written(picture, TIME)).collect();
        for clock in &clocks {
            let ink = clock.iter().filter(|pixel| **pixel).count();
            assert!((600..6_000).contains(&ink), "{ink} pixels of the clock");
        }
        // Over at least two seconds it ticks at least once and at most as often as there are seconds.
        let ticks = clocks.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(
            ticks >= 1 && ticks <= settled.len() / 4 + 1,
            "{ticks} ticks in {} pictures",
            settled.len()
        );
    }
}
