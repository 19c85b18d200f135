//! Who speaks, by the levels that clients measure of their sound (RFC 6464).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::commons::Commons;
use super::key::RoomKey;

/// How often it is looked who speaks.
const EVERY: Duration = Duration::from_millis(250);
/// Somebody speaks whose sound was loud for 40 % of this time,
const WINDOW: Duration = Duration::from_millis(400);
const LOUD_FOR: Duration = Duration::from_millis(160);
/// and counts as speaking for so long behind it: words have pauses between them.
const HOLD: Duration = Duration::from_millis(750);
/// Louder than this is loud, in dBov.
pub(super) const LOUD: i8 = -35;
/// What one packet stands for: that is how browsers send sound.
const OF_PACKET: Duration = Duration::from_millis(20);
/// Packets that are remembered of one peer: a client that sends more often than browsers loses the oldest.
const MAX_PACKETS: usize = 64;
/// Peers whose sound is listened to in one room.
const MAX_PEERS: usize = 1_000;
/// The loudest who are told of.
const MAX_TOLD: usize = 10;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Speakers(Mutex<BTreeMap<String, Heard>>);

#[derive(Debug, Default)]
struct Heard {
    loud: VecDeque<(Instant, i8)>,
    spoke: Option<Instant>,
}

impl Speakers {
    /// A packet of a peer's sound has this level, in dBov.
    pub(super) fn hear(&self, peer_id: &str, level: i8, now: Instant) {
        if level <= LOUD {
            return;
        }
        let mut peers = self.lock();
        if !peers.contains_key(peer_id) {
            if peers.len() >= MAX_PEERS {
                return;
            }
            peers.insert(peer_id.to_owned(), Heard::default());
        }
        if let Some(heard) = peers.get_mut(peer_id) {
            heard.loud.push_back((now, level));
            if heard.loud.len() > MAX_PACKETS {
                heard.loud.pop_front();
            }
        }
    }

    /// Who speaks now, the loudest first.
    pub(super) fn now(&self, now: Instant) -> Vec<String> {
        let mut peers = self.lock();
        let mut speaking: Vec<(i64, String)> = Vec::new();
        peers.retain(|peer_id, heard| {
            while heard
                .loud
                .front()
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
            {
                heard.loud.pop_front();
            }
            let count = u32::try_from(heard.loud.len()).unwrap_or(u32::MAX);
            if OF_PACKET.saturating_mul(count) >= LOUD_FOR {
                heard.spoke = Some(now);
            }
            let speaks = heard
                .spoke
                .is_some_and(|spoke| now.saturating_duration_since(spoke) < HOLD);
            if speaks {
                let levels: i64 = heard
                    .loud
                    .iter()
                    .map(|(_, level)| i64::from(*level) - i64::from(LOUD))
                    .sum();
                speaking.push((levels, peer_id.clone()));
            }
            speaks || !heard.loud.is_empty()
        });
        drop(peers);
        speaking.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        speaking
            .into_iter()
            .take(MAX_TOLD)
            .map(|(_, peer_id)| peer_id)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells who speaks in a room whenever that changes.
pub(super) async fn watch(commons: Arc<Commons>, room: RoomKey, speakers: Arc<Speakers>) {
    let mut looks = interval(EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Vec::new();
    loop {
        looks.tick().await;
        let speaking = speakers.now(Instant::now());
        if speaking != told {
            commons.news.speakers(&room, speaking.clone());
            told = speaking;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(began: Instant, ms: u64) -> Instant {
        began + Duration::from_millis(ms)
    }

    #[test]
    fn who_is_loud_for_long_enough_speaks_and_the_loudest_is_first() {
        let (speakers, began) = (Speakers::default(), Instant::now());
        for packet in 0..20 {
            let now = at(began, packet * 20);
            speakers.hear("quiet", -50, now);
            speakers.hear("soft", -30, now);
            speakers.hear("loud", -10, now);
            if packet < 4 {
                speakers.hear("cough", -5, now);
            }
        }
        assert_eq!(speakers.now(at(began, 400)), ["loud", "soft"]);
    }

    #[test]
    fn a_pause_between_words_is_no_end_and_silence_is() {
        let (speakers, began) = (Speakers::default(), Instant::now());
        for packet in 0..20 {
            speakers.hear("one", -20, at(began, packet * 20));
        }
        assert_eq!(speakers.now(at(began, 400)), ["one"]);
        assert_eq!(speakers.now(at(began, 1_000)), ["one"]);
        assert!(speakers.now(at(began, 1_200)).is_empty());
        assert!(speakers.lock().is_empty(), "nothing is remembered of who is silent");
    }
}
