//! How much of the edge's time one source may take with what is refused. Pure.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Questions of a source that are being answered, or were answered with a refusal not long ago. As many connections as may wait for
/// their turn at the channel server: those who are let in never meet it.
const BURST: u32 = 128;
/// How long it takes until a refusal is forgiven.
const FORGIVEN_AFTER: Duration = Duration::from_secs(1);
/// Sources that are told apart. The others count as one.
const MAX_SOURCES: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Throttle(HashMap<IpAddr, Account>);

/// What a source has to its debit, as it was at a moment.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// The moment at which all is forgiven.
    clear_at: Instant,
}

impl Throttle {
    /// A source wants something asked. The error is the time after which it may.
    pub(super) fn take(&mut self, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = self.key(network(source), now);
        let account = self.0.entry(key).or_insert(Account { clear_at: now });
        let owed = account.clear_at.saturating_duration_since(now);
        let limit = FORGIVEN_AFTER.saturating_mul(BURST.saturating_sub(1));
        if owed > limit {
            return Err(owed - limit);
        }
        account.clear_at = now + owed + FORGIVEN_AFTER;
        Ok(())
    }

    /// What was asked was not in vain.
    pub(super) fn give_back(&mut self, source: IpAddr) {
        let source = network(source);
        let key = if self.0.contains_key(&source) { source } else { OTHERS };
        if let Some(account) = self.0.get_mut(&key) {
            account.clear_at = account.clear_at.checked_sub(FORGIVEN_AFTER).unwrap_or(account.clear_at);
        }
    }

    fn key(&mut self, source: IpAddr, now: Instant) -> IpAddr {
        if self.0.len() >= MAX_SOURCES && !self.0.contains_key(&source) {
            self.0.retain(|_, account| account.clear_at > now);
            if self.0.len() >= MAX_SOURCES {
                return OTHERS;
            }
        }
        source
    }
}

const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// What counts as one source: an address, and for IPv6 the /64 network, since one host has all of it.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn exhaust(throttle: &mut Throttle, source: &str, now: Instant) {
        for _ in 0..BURST {
            assert_eq!(throttle.take(ip(source), now), Ok(()));
        }
    }

    #[test]
    fn refusals_are_bounded_for_each_source_and_forgiven_one_by_one() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        exhaust(&mut throttle, "192.0.2.1", now);
        assert_eq!(throttle.take(ip("192.0.2.1"), now), Err(FORGIVEN_AFTER));
        assert!(throttle.take(ip("192.0.2.2"), now).is_ok());
        let later = now + FORGIVEN_AFTER;
        assert!(throttle.take(ip("::ffff:192.0.2.1"), later).is_ok());
        assert!(throttle.take(ip("192.0.2.1"), later).is_err());
        let much_later = now + FORGIVEN_AFTER * 1_000;
        exhaust(&mut throttle, "192.0.2.1", much_later);
    }

    #[test]
    fn what_is_granted_costs_nothing() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..10 * BURST {
            throttle.take(ip("192.0.2.1"), now).unwrap();
            throttle.give_back(ip("192.0.2.1"));
        }
        exhaust(&mut throttle, "192.0.2.1", now);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for host in 0..BURST {
            throttle.take(ip(&format!("2001:db8::{host:x}")), now).unwrap();
        }
        assert!(throttle.take(ip("2001:db8::ffff:1"), now).is_err());
        assert!(throttle.take(ip("2001:db8:0:1::1"), now).is_ok());
    }

    #[test]
    fn sources_beyond_the_bound_count_as_one() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let source = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        for number in 0..MAX_SOURCES {
            throttle.take(source(number), now).unwrap();
        }
        for number in 0..BURST as usize {
            throttle.take(source(MAX_SOURCES + number), now).unwrap();
        }
        assert!(throttle.take(source(2 * MAX_SOURCES), now).is_err());
        assert!(throttle.0.len() <= MAX_SOURCES + 1);
        assert!(
            throttle.take(source(2 * MAX_SOURCES), now + FORGIVEN_AFTER * 2).is_ok(),
            "the others are clear by then"
        );
        assert!(throttle.0.len() <= 2);
    }
}
