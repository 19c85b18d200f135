//! How much of the disk unconfirmed media may take. At nine tenths of it no more work is taken; at the limit the recording
//! whose media has waited the longest ends, one after the other, but none whose store answers, unless the disk itself is
//! full. Nothing is ever deleted for room.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Supervisor;
use super::recording::{Order, Recording};
use crate::clock::unix_ms;

/// Media that has waited so long for its store, slices of 15 s and their uploads considered, is held up.
const STALLED_AFTER: Duration = Duration::from_secs(45);
/// How often the disk is looked at. At most one recording ends for its sake each time.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_secs(1);

/// What the operator allows.
#[derive(Clone, Copy, Debug)]
pub struct SpaceLimits {
    /// The most unconfirmed media in bytes; `None`: as much as the disk has room for.
    pub spool_bytes: Option<u64>,
    /// What stays free on the spool's disk, whoever fills it: journals have to be written when media may not be.
    pub reserve_bytes: u64,
}

/// How full the spool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that wait for their stores.
    pub used: u64,
    /// What they may be at most.
    pub limit: u64,
}

impl SpaceLimits {
    /// The reserve is touched.
    pub(super) fn is_disk_full(self, free: u64) -> bool {
        free <= self.reserve_bytes
    }

    /// `free`: bytes that the disk can still take.
    pub(super) fn space(self, used: u64, free: u64) -> Space {
        let disk = used.saturating_add(free).saturating_sub(self.reserve_bytes);
        Space {
            used,
            limit: self.spool_bytes.map_or(disk, |most| most.min(disk)),
        }
    }
}

impl Space {
    /// Too full for more work.
    pub fn is_scarce(self) -> bool {
        self.used >= self.limit / 10 * 9
    }

    pub(super) fn is_used_up(self) -> bool {
        self.used >= self.limit
    }
}

/// Bytes that the file system of `path` can still take from us.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let status = nix::sys::statvfs::statvfs(path)?;
    Ok(status.blocks_available().saturating_mul(status.fragment_size()))
}

impl Supervisor {
    /// How full the spool is; `None` until the disk has been looked at.
    pub fn space(&self) -> Option<Space> {
        *self.inner.space.borrow()
    }

    /// Looks after the disk, without end: measures the spool and ends recordings that there is no room for.
    pub async fn watch_space(self) {
        let mut ticks = tokio::time::interval(LOOK_AT_DISK_EVERY);
        loop {
            ticks.tick().await;
            match free_bytes(&self.inner.config.spool) {
                Ok(free) => self.make_room(free),
                Err(error) => tracing::warn!(%error, "the spool's disk cannot be measured"),
            }
        }
    }

    fn make_room(&self, free: u64) {
        let recordings = self.recordings();
        let vitals = |recording: &Arc<Recording>| recording.status().borrow().vitals;
        let bytes = recordings.iter().map(|recording| vitals(recording).spool_bytes);
        // What is set aside waits for a store as well.
        let used = bytes.fold(self.kept_aside().bytes, u64::saturating_add);
        let space = self.inner.config.space.space(used, free);
        self.inner.space.send_replace(Some(space));
        if !space.is_used_up() {
            return;
        }
        let disk_is_full = self.inner.config.space.is_disk_full(free);
        let stalled_since_ms = unix_ms().saturating_sub(STALLED_AFTER.as_millis() as u64);
        // What has waited the longest belongs to the store that has been away the longest.
        let filling = recordings
            .iter()
            .filter(|recording| recording.status().borrow().fills_spool())
            // A recording whose store answers holds no more than its open files: it need not end for those whose store does not.
            .filter(|recording| {
                disk_is_full
                    || vitals(recording)
                        .unconfirmed_since_ms
                        .is_some_and(|since_ms| since_ms < stalled_since_ms)
            });
        let Some(stalled) = filling.min_by_key(|recording| {
            let vitals = vitals(recording);
            (
                vitals.unconfirmed_since_ms.unwrap_or(u64::MAX),
                Reverse(vitals.spool_bytes),
            )
        }) else {
            return;
        };
        let full = match disk_is_full {
            true => "the disk of the node's spool is full".to_owned(),
            false => format!(
                "the node's spool is full: {used} bytes of media wait for their stores and {} are allowed",
                space.limit
            ),
        };
        let why = format!(
            "{full}; this recording's wait the longest, and it ends. What is captured is kept and uploaded: see that its store takes \
             uploads, or give the node a larger disk or TAPEDECK_SPOOL_LIMIT"
        );
        match stalled.order(Order::EndForSpace(why)) {
            Ok(()) => stalled.update(|status| status.no_space = true),
            Err(refusal) => {
                tracing::warn!(
                    sid = stalled.sid,
                    reason = refusal.reason,
                    "a recording cannot be ended for space"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(spool_bytes: Option<u64>, used: u64, free: u64) -> Space {
        let limits = SpaceLimits {
            spool_bytes,
            reserve_bytes: 100,
        };
        limits.space(used, free)
    }

    #[test]
    fn the_smaller_of_the_limit_and_the_disk_counts() {
        assert_eq!(space(Some(500), 10, 10_000).limit, 500);
        assert_eq!(space(Some(500), 10, 200).limit, 110);
        assert_eq!(space(None, 10, 1_000).limit, 910);
    }

    #[test]
    fn scarce_at_nine_tenths_and_used_up_at_the_limit() {
        let states = [899, 900, 999, 1_000].map(|used| {
            let space = space(Some(1_000), used, 10_000);
            (space.is_scarce(), space.is_used_up())
        });
        assert_eq!(states, [(false, false), (true, false), (true, false), (true, true)]);
    }

    #[test]
    fn a_disk_that_others_fill_is_used_up_at_the_reserve() {
        assert!(!space(None, 50, 101).is_used_up());
        assert!(space(None, 50, 100).is_used_up());
        assert!(space(None, 0, 0).is_used_up());
    }
}
