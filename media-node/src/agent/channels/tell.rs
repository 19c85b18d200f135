use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{ChannelLease, ChannelNews, RelayKey};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::agent::Edge;
use crate::agent::error::EdgeError;
use crate::backoff::{Backoff, chance};
use crate::channel::{Key, Registry};

/// Users who come and go together are told of together.
const APART: Duration = Duration::from_millis(200);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An edge that refuses is of a version that knows nothing of channels, and is updated some day.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// An edge cannot ask for more than this, by mistake either.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// Users in one message, about: a channel more may bring it to twice as many.
const MAX_USERS: usize = 2_000;

/// What the edge has been told, under which lease.
#[derive(Default)]
struct Told {
    lease: Option<u64>,
    versions: BTreeMap<Key, u64>,
}

pub(super) async fn run(
    edge: &Edge,
    channels: &Registry,
    address: &str,
    lease: &watch::Sender<Option<u64>>,
    told_to: &watch::Sender<u64>,
) {
    let mut changes = channels.changes();
    let mut told = Told::default();
    let mut renew_at = Instant::now();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        changes.borrow_and_update();
        let number = channels.number();
        let news = told.news(channels);
        let is_first = told.lease.is_none() && !channels.wanted().is_empty();
        let renews =
            Instant::now() >= renew_at && (!told.versions.is_empty() || !channels.wanted().followed.is_empty());
        if news.is_empty() {
            told_to.send_replace(number);
        }
        if news.is_empty() && !is_first && !renews {
            // A time-out is the turn of a renewal.
            let _ = timeout_at(renew_at.max(Instant::now() + SHORTEST_INTERVAL), changes.changed()).await;
            sleep(APART).await;
            continue;
        }
        let message = ChannelNews {
            lease: told.lease,
            address: address.to_owned(),
            channels: news.iter().map(|(key, _)| channels.carried(key)).collect(),
        };
        told.begin(&message);
        let pause = match edge.channels(&message).await {
            Ok(answer) => {
                backoff.reset();
                let asked = Duration::from_millis(answer.interval_ms);
                renew_at = Instant::now() + asked.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
                channels.admit_relays(RelayKey::new(answer.relay_key.clone()));
                told.answered(&message, &answer);
                lease.send_if_modified(|lease| std::mem::replace(lease, told.lease) != told.lease);
                match answer.untold.is_empty() {
                    true => APART,
                    false => backoff.pause(chance()),
                }
            }
            Err(EdgeError::Refused { reason }) => {
                if backoff.failures() == 0 {
                    tracing::warn!(
                        reason,
                        "the edge does not take note of channels: users at other nodes are not heard of"
                    );
                }
                backoff.pause(chance());
                REFUSED_PAUSE
            }
            Err(error) => {
                if backoff.failures() == 0 {
                    tracing::warn!(%error, "the edge was not told of channels; it is told again");
                }
                backoff.pause(chance())
            }
        };
        sleep(pause).await;
    }
}

impl Told {
    /// Channels of which the edge knows another version, or which it need not know of any more; as many as one message takes.
    fn news(&self, channels: &Registry) -> Vec<(Key, u64)> {
        let own = channels.own_versions();
        let gone = self.versions.keys().filter(|key| !own.contains_key(*key));
        let gone = gone.map(|key| (key.clone(), 0));
        let changed = own
            .iter()
            .filter(|(key, version)| self.versions.get(*key) != Some(*version));
        let changed = changed.map(|(key, version)| (key.clone(), *version));
        let mut users = 0;
        let news = gone.chain(changed).take(ChannelNews::MAX_CHANNELS);
        news.take_while(|(key, _)| {
            let before = users;
            users += channels.carried(key).users.len();
            before < MAX_USERS
        })
        .collect()
    }

    /// What becomes of a message that is not answered is not known: each of its channels has to be told again, or to be told
    /// gone.
    fn begin(&mut self, message: &ChannelNews) {
        for carried in &message.channels {
            self.versions
                .insert((carried.app_id.clone(), carried.channel.clone()), 0);
        }
    }

    fn answered(&mut self, message: &ChannelNews, answer: &ChannelLease) {
        if self.lease != Some(answer.lease) {
            // What was told under another lease has been lost with it.
            self.versions.clear();
            self.lease = Some(answer.lease);
        }
        let told = (0_u32..).zip(&message.channels);
        for (_, carried) in told.filter(|(place, _)| !answer.untold.contains(place)) {
            let key = (carried.app_id.clone(), carried.channel.clone());
            match carried.users.is_empty() {
                true => drop(self.versions.remove(&key)),
                false => drop(self.versions.insert(key, carried.version)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Secret;

    use super::*;
    use crate::channel::{Limits, Listing, StreamPath};

    fn publish(channels: &Registry, path: &str) -> Listing {
        let path = StreamPath::parse(path).unwrap();
        channels.publish(&path, String::new(), 1).unwrap()
    }

    fn message(told: &Told, channels: &Registry) -> ChannelNews {
        let news = told.news(channels);
        ChannelNews {
            lease: told.lease,
            address: String::new(),
            channels: news.iter().map(|(key, _)| channels.carried(key)).collect(),
        }
    }

    /// The channels of the next message with the number of their users.
    fn next(told: &Told, channels: &Registry) -> Vec<(String, usize)> {
        let message = message(told, channels);
        let counted = message
            .channels
            .into_iter()
            .map(|carried| (carried.channel, carried.users.len()));
        counted.collect()
    }

    fn tell(told: &mut Told, channels: &Registry, lease: u64, untold: &[u32]) {
        let message = message(told, channels);
        told.begin(&message);
        let answer = ChannelLease {
            lease,
            interval_ms: 0,
            relay_key: Secret::default(),
            untold: untold.to_vec(),
        };
        told.answered(&message, &answer);
    }

    fn names(list: &[(&str, usize)]) -> Vec<(String, usize)> {
        list.iter().map(|(name, users)| ((*name).to_owned(), *users)).collect()
    }

    #[test]
    fn what_has_changed_is_told_once() {
        let (channels, mut told) = (Registry::new(Limits::default(), 1), Told::default());
        let x = publish(&channels, "/a/x/1");
        let _y = publish(&channels, "/a/y/1");
        assert_eq!(next(&told, &channels), names(&[("x", 1), ("y", 1)]));
        tell(&mut told, &channels, 5, &[]);
        assert_eq!(next(&told, &channels), []);
        let _more = publish(&channels, "/a/y/2");
        drop(x);
        assert_eq!(next(&told, &channels), names(&[("x", 0), ("y", 2)]));
        tell(&mut told, &channels, 5, &[1]);
        assert_eq!(next(&told, &channels), names(&[("y", 2)]), "that was not taken");
        tell(&mut told, &channels, 5, &[]);
        assert_eq!(next(&told, &channels), []);
    }

    #[test]
    fn under_another_lease_everything_is_told_again() {
        let (channels, mut told) = (Registry::new(Limits::default(), 1), Told::default());
        let _x = publish(&channels, "/a/x/1");
        tell(&mut told, &channels, 5, &[]);
        let _y = publish(&channels, "/a/y/1");
        tell(&mut told, &channels, 6, &[]);
        assert_eq!(next(&told, &channels), names(&[("x", 1)]));
        tell(&mut told, &channels, 6, &[]);
        assert_eq!(next(&told, &channels), []);
    }

    #[test]
    fn a_channel_that_may_have_been_told_is_told_gone() {
        let (channels, mut told) = (Registry::new(Limits::default(), 1), Told::default());
        let x = publish(&channels, "/a/x/1");
        // The answer is lost.
        told.begin(&message(&told, &channels));
        assert_eq!(next(&told, &channels), names(&[("x", 1)]));
        drop(x);
        assert_eq!(next(&told, &channels), names(&[("x", 0)]));
        tell(&mut told, &channels, 5, &[]);
        assert_eq!(next(&told, &channels), []);
    }

    #[test]
    fn a_message_tells_of_few_channels_and_not_of_many_large_ones() {
        let (channels, mut told) = (Registry::new(Limits::default(), 1), Told::default());
        let many: Vec<_> = (0..150)
            .map(|number| publish(&channels, &format!("/a/{number}/1")))
            .collect();
        for left in [86, 22, 0] {
            assert!(next(&told, &channels).len() <= ChannelNews::MAX_CHANNELS);
            tell(&mut told, &channels, 5, &[]);
            assert_eq!(channels.own_versions().len() - told.versions.len(), left);
        }
        drop(many);
        let large = |channel: &'static str| (0..1_000).map(move |uid| format!("/a/{channel}/{uid}"));
        let (channels, told) = (Registry::new(Limits::default(), 1), Told::default());
        let _large: Vec<_> = ["w", "x", "y", "z"]
            .into_iter()
            .flat_map(large)
            .map(|path| publish(&channels, &path))
            .collect();
        assert_eq!(next(&told, &channels), names(&[("w", 1_000), ("x", 1_000)]));
    }
}
