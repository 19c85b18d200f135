//! Clients of others, as they come: each publishes by WHIP beside a user of RTSP, and they watch one another by WHEP.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tapedeck_tests::publisher::{Media, Publisher, Transport, newer_ffmpeg};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;
use tokio::process::{Child, Command};

use crate::docs_page::CHROMIUM;
use crate::steps::{CAPTURE_LIMIT, make_file};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python3");
/// Each user's colour and pitch; the first one comes by RTSP.
const USERS: [(&str, u32); 4] = [("red", 1_000), ("blue", 1_700), ("0x00b000", 2_600), ("magenta", 3_500)];

/// A client that publishes until its input ends.
struct Client(Child);

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

fn media((colour, pitch): (&str, u32)) -> Media {
    Media::flash_and_beep().on(colour).beeping_at(pitch)
}

/// A file of a user's, as clients take it: Opus in stereo, and pictures without B-frames.
async fn file(logs: &Path, number: usize) -> String {
    let coding = "-c:v libx264 -profile:v baseline -preset veryfast -g 25 -pix_fmt yuv420p";
    let mut options = media(USERS[number]).in_opus().with_video(coding).file_options(20);
    options.extend(["-ac", "2"].map(str::to_owned));
    let file = make_file(logs, &format!("client-{number}.mp4"), &options).await;
    file.to_str().expect("UTF-8").to_owned()
}

pub(crate) async fn others_publish_unchanged_and_watch(stack: &Stack) {
    let (cname, logs) = ("clients", stack.logs());
    let joined = async |count: usize| {
        wait::until("one more user", CAPTURE_LIMIT, async || {
            (stack.roster(cname).await.users.len() == count).then_some(())
        })
        .await;
    };
    let mut first = Publisher::ffmpeg(
        &stack.publish_url(cname, "0"),
        &media(USERS[0]).in_opus().without_delay(),
        Transport::Tcp,
        logs,
    );
    joined(1).await;
    let url = |number: usize| stack.web_url("whip", cname, &number.to_string());
    let (blue, green, magenta) = (file(logs, 1).await, file(logs, 2).await, file(logs, 3).await);
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
    watched_by_aiortc(stack, cname).await;
    used_by_libraries(stack, cname).await;
    first.assert_alive();
    drop(ffmpeg);
    for client in [aiortc, datachannel] {
        client.leave().await;
    }
}

async fn watched_by_aiortc(stack: &Stack, cname: &str) {
    let urls = ["0", "1", "2", "3"].map(|uid| stack.web_url("whep", cname, uid));
    let words = [&[format!("{ROOT}/tests/clients/whip.py"), "play".to_owned()][..], &urls].concat();
    let output = Command::new(PYTHON)
        .args(words)
        .kill_on_drop(true)
        .output()
        .await
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let played: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(played.len(), USERS.len(), "{lines}");
    for played in played {
        assert_eq!(played["size"], json!([320, 180]), "{played}");
        assert_eq!(played["samples"], 960, "{played}");
    }
}

async fn used_by_libraries(stack: &Stack, cname: &str) {
    let (whip, whep) = (
        stack.web_url("whip", "libraries", "1"),
        stack.web_url("whep", cname, "0"),
    );
    let script = format!("{ROOT}/tests/browser/others.cjs");
    let output = Command::new("node")
        .args([&script, CHROMIUM, &whip, &whep])
        .kill_on_drop(true)
        .output();
    let output = output.await.expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&said["played"], &said["complaints"]),
        (&json!([320, 180]), &json!([])),
        "{said}"
    );
}
