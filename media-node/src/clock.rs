//! The clocks, read by the shells only: everything else gets the time as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Unix milliseconds, UTC.
pub fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Milliseconds since the machine was started, the time in which it slept included: the same for all its processes.
pub fn boot_ms() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME)
        .map_or(0, |time| Duration::from(time).as_millis() as u64)
}

/// Unix milliseconds that never go back, whatever is done to the system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SteadyClock {
    base_ms: u64,
    since: Instant,
}

impl SteadyClock {
    /// Starts at the present wall-clock time.
    pub fn new() -> Self {
        Self {
            base_ms: unix_ms(),
            since: Instant::now(),
        }
    }

    pub fn now_ms(&self) -> u64 {
        self.base_ms + self.since.elapsed().as_millis() as u64
    }
}
