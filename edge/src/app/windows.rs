use crate::access::Method;

/// Requests of the present second, by method. Its seconds are those of the clock: two requests are of the same second when
/// their times are equal but for the milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    second: u64,
    used: [u32; Method::ALL.len()],
}

impl Windows {
    /// Counts one request, if the second has room for it: how many are left.
    pub(super) fn take(&mut self, method: Method, limit: u32, now_ms: u64) -> Option<u32> {
        let second = now_ms / 1_000;
        if second != self.second {
            *self = Self {
                second,
                ..Self::default()
            };
        }
        let used = self.used.get_mut(method as usize)?;
        let left = limit.checked_sub(*used)?.checked_sub(1)?;
        *used += 1;
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn each_second_and_each_method_has_its_own_count() {
        let mut windows = Windows::default();
        for second in 0..3 {
            for method in Method::ALL {
                let taken = (0..1_000).filter_map(|i| windows.take(method, 10, NOW + second * 1_000 + i));
                assert_eq!(taken.collect::<Vec<_>>(), (0..10).rev().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_limit_that_changes_counts_at_once() {
        let mut windows = Windows::default();
        assert_eq!(windows.take(Method::Query, 1, NOW), Some(0));
        assert_eq!(windows.take(Method::Query, 1, NOW + 999), None);
        assert_eq!(windows.take(Method::Query, 3, NOW + 999), Some(1));
        assert_eq!(windows.take(Method::Query, 1, NOW + 999), None);
        assert_eq!(windows.take(Method::Query, 1, NOW + 1_000), Some(0));
    }

    #[test]
    fn a_clock_that_is_set_back_blocks_nobody() {
        let mut windows = Windows::default();
        assert_eq!(windows.take(Method::Stop, 1, NOW), Some(0));
        assert_eq!(windows.take(Method::Stop, 1, NOW - 3_600_000), Some(0));
    }
}
