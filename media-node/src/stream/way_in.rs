/// A picture that decoding can begin with should come within this time.
const LONGEST_US: i64 = 10_000_000;

/// Since when packets of a track come of which no unit can be made, and whether that is told.
#[derive(Debug, Default)]
pub(super) struct WayIn(Option<(i64, bool)>);

impl WayIn {
    /// A packet came; `true` once when none that came for long could be used.
    pub(super) fn is_missed(&mut self, arrival_us: i64) -> bool {
        let (since_us, told) = self.0.get_or_insert((arrival_us, false));
        arrival_us.saturating_sub(*since_us) >= LONGEST_US && !std::mem::replace(told, true)
    }

    /// A unit was made.
    pub(super) fn found(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_until_it_is_found() {
        let mut way_in = WayIn::default();
        let mut missed = |from_s: i64| -> Vec<i64> {
            (from_s..from_s + 25)
                .filter(|second| way_in.is_missed(second * 1_000_000))
                .collect()
        };
        assert_eq!(missed(5), [15]);
        assert!(missed(30).is_empty());
        way_in.found();
        assert!(!way_in.is_missed(60_000_000));
        assert!(way_in.is_missed(70_000_000));
    }
}
