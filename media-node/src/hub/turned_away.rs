use std::sync::atomic::{AtomicU64, Ordering};

use crate::access::Denial;

/// Whoever was not let in since the server began, by why. Clients that show nothing until they are asked to count as strangers, each
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnedAway {
    /// Nothing was shown, or nothing that is good here.
    pub strangers: u64,
    /// What was shown was not for what they wanted.
    pub forbidden: u64,
    /// It could not be decided, because the edge did not answer or the address had tried too often.
    pub undecided: u64,
}

/// Counts those who were not let in.
#[derive(Default)]
pub struct Tally {
    strangers: AtomicU64,
    forbidden: AtomicU64,
    undecided: AtomicU64,
}

impl Tally {
    pub fn count(&self, denial: &Denial) {
        let counter = match denial {
            Denial::Stranger(_) => &self.strangers,
            Denial::Forbidden(_) => &self.forbidden,
            Denial::Undecided(_) => &self.undecided,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) -> TurnedAway {
        let [strangers, forbidden, undecided] =
            [&self.strangers, &self.forbidden, &self.undecided].map(|counter| counter.load(Ordering::Relaxed));
        TurnedAway {
            strangers,
            forbidden,
            undecided,
        }
    }
}
