use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an uploader has done. Clones share one count.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    confirmed: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    /// Objects that the store confirmed.
    pub fn confirmed(&self) -> u64 {
        self.0.confirmed.load(Ordering::Relaxed)
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// The bytes of the confirmed objects.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self, bytes: u64) {
        self.0.confirmed.fetch_add(1, Ordering::Relaxed);
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn fault(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }
}
