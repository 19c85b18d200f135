//! What the clocks of peers say by this machine's: the sound and the picture of one peer are placed in time by the same clock,
//! whichever slots they are in, so that the client can bring them together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::play::Origin;

/// Peers whose clocks are known.
const MAX_PEERS: usize = 256;
/// A clock that is so far off by now runs at another speed, or was set.
const MAX_OFF: Duration = Duration::from_secs(1);

/// The room that it is in, and its name there.
pub(super) type Peer = (String, String);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<Peer, Origin>);

impl Origins {
    /// When the peer's clock said `sent`, by this machine's. The first question about a peer takes `now` for that.
    pub(super) fn time(&mut self, peer: &Peer, sent: Duration, now: Instant) -> Instant {
        let known = self.0.get(peer).and_then(|origin| origin.time(sent));
        let is_near = |at: &Instant| {
            let off = at
                .saturating_duration_since(now)
                .max(now.saturating_duration_since(*at));
            off <= MAX_OFF
        };
        if let Some(at) = known.filter(is_near) {
            return at;
        }
        if !self.0.contains_key(peer) && self.0.len() >= MAX_PEERS {
            self.0.pop_first();
        }
        self.0.insert(peer.clone(), Origin { at: now, sent });
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_one_peer_sent_together_is_at_one_time_however_late_it_comes() {
        let (mut origins, now) = (Origins::default(), Instant::now());
        let [one, two] = ["1", "2"].map(|peer| ("room".to_owned(), peer.to_owned()));
        assert_eq!(origins.time(&one, ms(7_000), now), now);
        assert_eq!(origins.time(&one, ms(7_000), now + ms(120)), now);
        assert_eq!(origins.time(&one, ms(7_040), now + ms(300)), now + ms(40));
        assert_eq!(origins.time(&one, ms(6_990), now + ms(300)), now - ms(10));
        assert_eq!(origins.time(&two, ms(9), now + ms(300)), now + ms(300), "another clock");
        let later = now + ms(9_000);
        assert_eq!(origins.time(&one, ms(7_040), later), later, "its clock was set");
        assert_eq!(origins.time(&one, ms(7_050), later), later + ms(10));
    }

    #[test]
    fn not_more_clocks_are_remembered_than_can_be_of_use() {
        let (mut origins, now) = (Origins::default(), Instant::now());
        for peer in 0..2 * MAX_PEERS {
            origins.time(&("room".to_owned(), peer.to_string()), ms(1), now);
        }
        assert_eq!(origins.0.len(), MAX_PEERS);
    }
}
