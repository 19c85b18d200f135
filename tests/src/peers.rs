//! Peers of rooms with media: aiortc with what docs/rooms.md says.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python3");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/room.py");
/// The script gives a command up before.
const LIMIT: Duration = Duration::from_secs(60);

/// Any number of peers, in one process.
pub struct Peers {
    _process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Peers {
    pub fn start(logs: &Path, name: &str) -> Self {
        let log = std::fs::File::create(logs.join(format!("{name}.log"))).expect("a log");
        let mut process = Command::new(PYTHON)
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("Python runs");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self {
            input: process.stdin.take().expect("a pipe"),
            lines,
            _process: process,
        }
    }

    /// What comes of a command.
    ///
    /// # Panics
    /// When it is not done in time.
    async fn carry_out(&mut self, what: &str, peer: &str, more: Value) -> Value {
        let mut command = Map::from_iter([("do".to_owned(), json!(what)), ("as".to_owned(), json!(peer))]);
        if let Value::Object(more) = more {
            command.extend(more);
        }
        let line = format!("{}\n", Value::Object(command));
        self.input.write_all(line.as_bytes()).await.expect("the peers live");
        let line = timeout(LIMIT, self.lines.next_line()).await.expect("in time");
        let line = line.expect("a pipe").expect("the peers live: see their log");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(answer["failed"].is_null(), "{answer}");
        answer
    }

    /// Enters a room, and publishes a file there if one is given. The answer is the role, or the code of a refusal.
    pub async fn enter(&mut self, peer: &str, url: &str, file: Option<&str>) -> Value {
        self.carry_out("enter", peer, json!({ "url": url, "file": file })).await
    }

    /// Waits until a peer sees and hears these others, and says how long that took, in seconds.
    pub async fn see(&mut self, peer: &str, seen: &[(&str, &str, u32)]) -> f64 {
        let seen = seen
            .iter()
            .map(|(name, colour, tone)| ((*name).to_owned(), json!([colour, tone])));
        let answer = self
            .carry_out("see", peer, json!({ "seen": Map::from_iter(seen) }))
            .await;
        answer["took"].as_f64().expect("seconds")
    }

    /// Waits until nothing of these comes any more.
    pub async fn miss(&mut self, peer: &str, missed: &[&str]) {
        self.carry_out("miss", peer, json!({ "missed": missed })).await;
    }

    pub async fn say(&mut self, peer: &str, data: &Value) {
        self.carry_out("say", peer, json!({ "data": data })).await;
    }

    pub async fn hear(&mut self, peer: &str, said: &Value) {
        self.carry_out("hear", peer, json!({ "said": said })).await;
    }

    /// The longest time without a picture of another peer since it was asked last, in seconds.
    pub async fn pause(&mut self, peer: &str, of: &str) -> f64 {
        let answer = self.carry_out("pause", peer, Value::Null).await;
        answer["pauses"][of]
            .as_f64()
            .unwrap_or_else(|| panic!("no picture of {of}: {answer}"))
    }

    pub async fn leave(&mut self, peer: &str) {
        self.carry_out("leave", peer, Value::Null).await;
    }
}
