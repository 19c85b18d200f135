//! A full room whose peers come and go for minutes, with a word or without one: nothing is left of those who have gone.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tapedeck_load::room::{Entered, Entry};
use tapedeck_load::usage::usage;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::rooms::{customer, text};

const PEERS: usize = 16;
const LASTS: Duration = Duration::from_secs(180);
/// Whoever goes without a word is missed after 15 seconds, and the room looks for them within as many.
const ALL_GONE: Duration = Duration::from_secs(60);
/// A room that was full once takes so much more memory than before it: what the allocator keeps for the next one.
const KEPT_KB: u64 = 64 << 10;

pub(crate) async fn peers_come_and_go_and_nothing_is_left_of_them(stack: &mut Stack) {
    let customer = customer(stack);
    let members: Vec<String> = (0..PEERS).map(|number| format!("p{number}")).collect();
    let body = json!({ "masterId": "p0", "memberIds": members, "maxMemberNum": PEERS });
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);
    let (_phase, phases) = watch::channel(false);
    let entry = |name: &str| Entry {
        url: url.clone(),
        name: name.to_owned(),
        publishes: true,
        slots: PEERS - 1,
        waits: false,
        phases: phases.clone(),
    };
    // Once before, so that what is kept for the next time is there.
    let mut peers: Vec<Option<Entered>> = Vec::new();
    for name in &members {
        peers.push(Some(entry(name).enter().await));
    }
    let node = stack.info.pids.node.to_string();
    let before = Left::look(stack, &node).await;
    let (began, mut turns) = (Instant::now(), 0);
    while began.elapsed() < LASTS {
        // Three at a time, each third of them without a word, and in the middle of whatever they do.
        let mut coming = JoinSet::new();
        for place in (0..3).map(|next| (turns * 3 + next) % PEERS) {
            peers[place] = None;
            let entry = entry(&members[place]);
            coming.spawn(async move {
                let entering = entry.enter();
                match (place + turns) % 3 {
                    0 => (
                        place,
                        tokio::time::timeout(Duration::from_millis(40), entering).await.ok(),
                    ),
                    _ => (place, Some(entering.await)),
                }
            });
        }
        while let Some(entered) = coming.join_next().await {
            let (place, entered) = entered.expect("a peer");
            peers[place] = entered;
        }
        turns += 1;
    }
    let during = Left::look(stack, &node).await;
    drop(peers);
    let path = format!("/room/{}", text(&room["roomId"]));
    customer.done(Method::DELETE, &path, None).await;
    let after = wait::until("all are gone", ALL_GONE, async || {
        let left = Left::look(stack, &node).await;
        (left.sessions == 0.0).then_some(left)
    })
    .await;
    println!("{turns} times three came and went: {before:?} before, {during:?} at the end, {after:?} behind it");
    assert!(turns > 10, "{turns}");
    assert!(
        after.files <= before.files && after.threads <= before.threads,
        "{after:?}"
    );
    assert!(after.resident_kb < before.resident_kb + KEPT_KB, "{after:?}");
}

/// What a node has of its clients.
#[derive(Debug)]
struct Left {
    sessions: f64,
    files: usize,
    threads: usize,
    resident_kb: u64,
}

impl Left {
    async fn look(stack: &Stack, node: &str) -> Self {
        let count = |folder: &str| {
            let entries = std::fs::read_dir(format!("/proc/{node}/{folder}")).expect("the node runs");
            entries.count()
        };
        let metrics = stack.node_metrics().await;
        let sessions = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("tapedeck_rtc_sessions"));
        Self {
            sessions: sessions.map(|(_, count)| count).sum(),
            files: count("fd"),
            threads: count("task"),
            resident_kb: usage(node).resident_kb,
        }
    }
}
