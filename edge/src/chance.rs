//! Chance for the tests that model a bad world: all of it follows from a seed.

/// A seed for each of so many runs; `TAPEDECK_SEED` repeats one.
pub(crate) fn seeds(runs: u64) -> Vec<u64> {
    match std::env::var("TAPEDECK_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..runs).collect(),
    }
}

/// Numbers that follow from a seed (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}
