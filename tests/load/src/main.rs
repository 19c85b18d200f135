//! Loads a server of WebRTC with one publisher and many viewers, and counts what arrives and what that costs the server.
//!
//! usage: tapedeck-load URL VIEWERS SECONDS PID
//! URL: that of a media node's API, `http://host:port`. PID: the node's process. Prints a line of JSON: packets that were sent for
//! each viewer, that all of them received, and the node's seconds of processor time, seconds that passed, and kilobytes of memory
//! before and with the sessions. With `room` as its first word, it is as `room.rs` says.

mod http;
mod node;
mod peer;
mod room;
mod usage;

use std::time::{Duration, Instant};

use peer::Peer;
use serde_json::json;
use tokio::sync::watch;
use usage::usage;

/// How long connections may take.
const CONNECTING: Duration = Duration::from_secs(60);
/// Sessions that are begun at a time.
const AT_ONCE: usize = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("room", words)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return room::run(words).await;
    }
    let [url, viewers, seconds, pid] = &words[..] else {
        eprintln!("usage: tapedeck-load URL VIEWERS SECONDS PID");
        std::process::exit(2);
    };
    let viewers: usize = viewers.parse().expect("a number of viewers");
    let seconds: u64 = seconds.parse().expect("a number of seconds");
    let before = usage(pid);
    let (phase, phases) = watch::channel(false);
    let mut publisher = Peer::new().await;
    node::publish(url, &mut publisher).await;
    publisher.connected(CONNECTING).await;
    let publishing = tokio::spawn(publisher.publish(phases.clone()));
    let mut playing = Vec::new();
    while playing.len() < viewers {
        let count = AT_ONCE.min(viewers - playing.len());
        let begun = futures_util::future::join_all((0..count).map(|_| play(url))).await;
        // They live from here on: others are still to come.
        playing.extend(
            begun
                .into_iter()
                .map(|viewer| tokio::spawn(viewer.play(phases.clone()))),
        );
    }
    // Until the first keyframes and reports are through.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (begun, began) = (usage(pid), Instant::now());
    phase.send_replace(true);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    phase.send_replace(false);
    let (ended, passed) = (usage(pid), began.elapsed());
    let sent = publishing.await.expect("a publisher");
    let mut received = 0;
    for viewer in playing {
        received += viewer.await.expect("a viewer");
    }
    let figures = json!({
        "viewers": viewers,
        "sent": sent,
        "received": received,
        "cpu_s": ended.cpu_s - begun.cpu_s,
        "passed_s": passed.as_secs_f64(),
        "kb_before": before.resident_kb,
        "kb": ended.resident_kb,
    });
    println!("{figures}");
}

async fn play(url: &str) -> Peer {
    let mut viewer = node::play(url).await;
    viewer.connected(CONNECTING).await;
    viewer
}
