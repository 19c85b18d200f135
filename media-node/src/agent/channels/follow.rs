use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use protocol::{Follow, FollowQuestion};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::Edge;
use crate::channel::{Key, Registry};

/// Questions to the edge at once.
const AT_ONCE: usize = 16;
/// Shortest time between two rounds of questions.
const APART: Duration = Duration::from_millis(50);
/// Longest time between two looks at what is wanted.
const LOOK: Duration = Duration::from_secs(5);
/// Tokens are good for a day: they are asked for anew well before.
const REFRESH: Duration = Duration::from_secs(6 * 3_600);

/// Asks the edge for what is wanted, and follows it.
pub(super) async fn run(edge: &Edge, channels: &Registry, mut lease: watch::Receiver<Option<u64>>) {
    let mut changes = channels.changes();
    let mut lines = edge.line.lines();
    // Since when each channel is followed. What was said over another line, or under another lease, may have been lost.
    let mut followed = BTreeMap::<Key, Instant>::new();
    loop {
        changes.borrow_and_update();
        if lines.has_changed().unwrap_or(false) || lease.has_changed().unwrap_or(false) {
            followed.clear();
        }
        let is_open = lines.borrow_and_update().is_open();
        if is_open && lease.borrow_and_update().is_some() {
            round(edge, channels, &mut followed).await;
        }
        tokio::select! {
            _ = timeout(LOOK, changes.changed()) => {}
            _ = lines.changed() => followed.clear(),
            _ = lease.changed() => followed.clear(),
        }
        sleep(APART).await;
    }
}

async fn round(edge: &Edge, channels: &Registry, followed: &mut BTreeMap<Key, Instant>) {
    let wanted = channels.wanted();
    let left: Vec<_> = followed
        .keys()
        .filter(|key| !wanted.followed.contains(key))
        .cloned()
        .collect();
    let is_due = |key: &Key| followed.get(key).is_none_or(|since| since.elapsed() >= REFRESH);
    let begun = wanted
        .followed
        .into_iter()
        .filter(|key| is_due(key))
        .map(|key| (key, Follow::Begin));
    let sought = wanted.sought.into_iter().map(|key| (key, Follow::Once));
    let questions: Vec<_> = begun
        .chain(sought)
        .chain(left.into_iter().map(|key| (key, Follow::End)))
        .collect();
    let mut answers = iter(questions)
        .map(|(key, follow)| ask(edge, channels, key, follow))
        .buffer_unordered(AT_ONCE);
    while let Some((key, follow, answered)) = answers.next().await {
        match (follow, answered) {
            (Follow::Begin, true) => drop(followed.insert(key, Instant::now())),
            (Follow::End, true) => drop(followed.remove(&key)),
            (Follow::Once, _) | (_, false) => {}
        }
    }
}

async fn ask(edge: &Edge, channels: &Registry, key: Key, follow: Follow) -> (Key, Follow, bool) {
    let (app_id, channel) = key.clone();
    let question = FollowQuestion {
        app_id,
        channel,
        follow,
    };
    let answered = match edge.follow(&question).await {
        Ok(elsewhere) => {
            if follow != Follow::End {
                channels.learn(elsewhere);
            }
            true
        }
        Err(error) => {
            let channel = &question.channel;
            tracing::debug!(%error, channel, "the edge does not say who is in the channel at other nodes");
            channels.not_learned(&key);
            false
        }
    };
    (key, follow, answered)
}
