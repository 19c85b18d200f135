//! Which files wait while another node may have been given the recording. Pure.

use std::collections::BTreeSet;

use super::writing::Writing;
use crate::spool::DueFile;

/// How long it takes after the end of a lease until another node captures, if there is one, and the slice is complete in which
/// that moment lies. Whatever is completed within this time waits until the edge says whose it is: it can be shortened only as
/// long as no store has it.
const SOUGHT_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Hold {
    /// What was complete before the lease was over.
    free: BTreeSet<u64>,
    held: BTreeSet<u64>,
}

impl Hold {
    /// Takes out of the files that are due those that have to wait. `now_ms`: by [`boot_ms`](crate::clock::boot_ms).
    pub(super) fn keep_back(&mut self, due: &mut Vec<DueFile>, writing: Writing, now_ms: u64) {
        let numbers = due.iter().map(|file| file.number);
        match writing.over_for_ms(now_ms) {
            None => {
                self.free = numbers.collect();
                self.held.clear();
            }
            Some(over_ms) => {
                if over_ms < SOUGHT_MS {
                    self.held.extend(numbers.filter(|number| !self.free.contains(number)));
                }
                due.retain(|file| !self.held.contains(&file.number));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Content;

    fn file(number: u64) -> DueFile {
        DueFile {
            number,
            content: Content::Slice,
            name: number.to_string(),
            path: number.to_string().into(),
            bytes: 1,
        }
    }

    fn due(hold: &mut Hold, numbers: &[u64], writing: Writing, now_ms: u64) -> Vec<u64> {
        let mut due: Vec<_> = numbers.iter().map(|number| file(*number)).collect();
        hold.keep_back(&mut due, writing, now_ms);
        due.iter().map(|file| file.number).collect()
    }

    #[test]
    fn what_is_complete_soon_after_the_lease_waits_until_the_edge_is_heard() {
        let (mut hold, lease) = (Hold::default(), Writing::Until(10_000));
        assert_eq!(due(&mut hold, &[2], lease, 9_999), [2]);
        assert_eq!(due(&mut hold, &[1, 2], lease, 10_000), [2], "2 was complete before");
        assert_eq!(due(&mut hold, &[1, 3], lease, 10_000 + SOUGHT_MS - 1), [0; 0]);
        assert_eq!(due(&mut hold, &[1, 3, 4], lease, 10_000 + SOUGHT_MS), [4]);
        let longer = Writing::Until(100_000);
        assert_eq!(due(&mut hold, &[1, 3, 4], longer, 99_000), [1, 3, 4]);
        assert_eq!(due(&mut hold, &[1, 3, 4, 5], longer, 100_000), [1, 3, 4]);
        assert_eq!(
            due(&mut hold, &[1, 3, 4, 5], Writing::Not, 100_001),
            [1, 3, 4, 5],
            "it is released"
        );
    }

    #[test]
    fn without_a_lease_that_ends_nothing_waits() {
        let mut hold = Hold::default();
        assert_eq!(due(&mut hold, &[1], Writing::Not, 0), [1]);
        assert_eq!(due(&mut hold, &[1, 2], Writing::Always, 1_000), [1, 2]);
    }
}
