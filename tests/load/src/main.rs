//! Loads a server of WebRTC with publishers, and with viewers of the first of them, and counts what arrives and what that costs the
//! server.
//!
//! usage: tapedeck-load node|janus URL PUBLISHERS VIEWERS SECONDS PID
//! URL: that of a media node's API, `http://host:port`, or of Janus', `http://host:port/janus`. PID: the server's process. Prints a line
//! of JSON: packets that the publishers sent, that all viewers received, and the server's seconds of processor time, seconds
//! that passed, and kilobytes of memory before and with the sessions. With `room` as its first word, it is as `room.rs` says.

use std::time::{Duration, Instant};

use serde_json::json;
use tapedeck_load::peer::Peer;
use tapedeck_load::usage::usage;
use tapedeck_load::{janus, node, room};
use tokio::sync::watch;

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
    let [server, url, publishers, viewers, seconds, pid] = &words[..] else {
        eprintln!("usage: tapedeck-load node|janus URL PUBLISHERS VIEWERS SECONDS PID");
        std::process::exit(2);
    };
    let server = match server.as_str() {
        "janus" => Server::Janus,
        _ => Server::Node,
    };
    let publishers: usize = publishers.parse().expect("a number of publishers");
    let viewers: usize = viewers.parse().expect("a number of viewers");
    let seconds: u64 = seconds.parse().expect("a number of seconds");
    let before = usage(pid);
    let (phase, phases) = watch::channel(false);
    let mut publishing = Vec::new();
    for number in 1..=publishers {
        let publisher = publish(server, url, number).await;
        publishing.push(tokio::spawn(publisher.publish(phases.clone())));
    }
    let mut playing = Vec::new();
    while playing.len() < viewers {
        let count = AT_ONCE.min(viewers - playing.len());
        let begun = futures_util::future::join_all((0..count).map(|_| play(server, url))).await;
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
    let mut sent = 0;
    for publisher in publishing {
        sent += publisher.await.expect("a publisher");
    }
    let mut received = 0;
    for viewer in playing {
        received += viewer.await.expect("a viewer");
    }
    let figures = json!({
        "publishers": publishers,
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

#[derive(Clone, Copy)]
enum Server {
    Node,
    Janus,
}

async fn publish(server: Server, url: &str, number: usize) -> Peer {
    let mut publisher = match server {
        Server::Janus => janus::publish(url, number).await,
        Server::Node => node::publish(url, number).await,
    };
    publisher.connected(CONNECTING).await;
    publisher
}

async fn play(server: Server, url: &str) -> Peer {
    let mut viewer = match server {
        Server::Janus => janus::play(url).await,
        Server::Node => node::play(url).await,
    };
    viewer.connected(CONNECTING).await;
    viewer
}
