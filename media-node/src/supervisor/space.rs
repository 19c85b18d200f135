//! How much of the disk unconfirmed media may take. At nine tenths of it no more work is taken; at the limit the recording
//! whose media has waited the longest ends, one after the other, but none whose store answers, unless the disk itself is
//! full. Nothing is ever deleted for room.

use std::path::Path;

/// What the operator allows.
#[derive(Clone, Copy, Debug)]
pub struct SpaceLimits {
    /// Of unconfirmed media; `None`: as the disk has it.
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
pub(super) fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let status = nix::sys::statvfs::statvfs(path)?;
    Ok(status.blocks_available().saturating_mul(status.fragment_size()))
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
