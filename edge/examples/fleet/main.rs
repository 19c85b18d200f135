//! A fleet in one process: nodes and recordings live for hours of simulated time on the edge's own cores, and what the platform
//! would bill is counted. Nothing is random, and nothing is measured with a clock, so that each run counts the same.
//!
//! What runs: each recording is of one user with audio and video, lasts an hour and is followed by another one of the same
//! recorder; its customer acquires, starts, asks every five minutes, stops, and has a callback that takes each event. Nodes ping,
//! beat and report as the media node does. In the first hour the recordings begin, one after another; the second one is counted.

mod bill;
mod edge;
mod node;
mod objects;
mod queue;
mod samples;

use bill::Bill;
use edge::Edge;

/// How big a fleet is.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    recordings: usize,
    apps: usize,
}

const HOUR_MS: u64 = 3_600_000;

fn main() {
    let mut size = Size {
        nodes: 1_000,
        recordings: 10_000,
        apps: 100,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        match (argument.as_str(), value) {
            ("--nodes", Some(nodes)) => size.nodes = nodes,
            ("--recordings", Some(recordings)) => size.recordings = recordings,
            ("--apps", Some(apps)) => size.apps = apps,
            _ => {
                eprintln!("usage: fleet [--nodes 1000] [--recordings 10000] [--apps 100]");
                std::process::exit(2);
            }
        }
    }
    let mut edge = Edge::new(size);
    edge.run(HOUR_MS);
    let before = edge.bill();
    edge.run(2 * HOUR_MS);
    let hour = edge.bill().since(&before);
    println!(
        "{} nodes, {} recordings at a time of {} apps",
        size.nodes, size.recordings, size.apps
    );
    println!("{}", Bill::table(&hour.times(24.0), &hour, size.recordings));
}
