//! What is sent by a slot, and how much of it in a second.

use std::time::Duration;

/// What is measured anew counts for so much of a rate, in hundredths.
const NEW_PERCENT: u64 = 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) bits_per_second: u64,
    at: Duration,
}

impl Sent {
    pub(super) fn look(&mut self, now: Duration) {
        let since = now.saturating_sub(self.at).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX).max(1);
        let rate = std::mem::take(&mut self.bytes).saturating_mul(8_000) / since;
        self.bits_per_second = (self.bits_per_second * (100 - NEW_PERCENT) + rate.saturating_mul(NEW_PERCENT)) / 100;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_measured_and_forgotten() {
        let mut sent = Sent::default();
        for look in 1..=30 {
            sent.bytes += 12_500;
            sent.look(Duration::from_millis(250 * look));
        }
        assert!((390_000..=400_000).contains(&sent.bits_per_second), "{sent:?}");
        for look in 31..=60 {
            sent.look(Duration::from_millis(250 * look));
        }
        assert!(sent.bits_per_second < 1_000, "{sent:?}");
    }
}
