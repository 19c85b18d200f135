//! Chance that repeats itself: the same seed gives the same numbers.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// `count` moments of a time of `length`, in order, no two closer than `apart`. All in milliseconds.
    ///
    /// # Panics
    /// When so many do not fit.
    pub fn moments(&mut self, count: u64, length: u64, apart: u64) -> Vec<u64> {
        let taken = apart * count.saturating_sub(1);
        let free = length.checked_sub(taken).expect("room for all of them");
        let mut moments: Vec<_> = (0..count).map(|_| self.roll() % free.max(1)).collect();
        moments.sort_unstable();
        (0..)
            .zip(moments)
            .map(|(index, moment)| moment + index * apart)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_distance_and_repeat() {
        let moments = Dice::new(7).moments(10, 60_000, 3_000);
        assert_eq!(moments, Dice::new(7).moments(10, 60_000, 3_000));
        assert_ne!(moments, Dice::new(8).moments(10, 60_000, 3_000));
        assert!(moments.windows(2).all(|pair| pair[1] >= pair[0] + 3_000), "{moments:?}");
        assert!(moments.last() < Some(&60_000), "{moments:?}");
    }
}
