/// Chance with a seed (xorshift).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1 << 40)
    }

    /// Below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    /// Changes, removes or adds up to four bytes; answers with the place of the first.
    pub(super) fn mutate(&mut self, bytes: &mut Vec<u8>) -> usize {
        let mut first = bytes.len();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            first = first.min(at);
            match self.roll(3) {
                0 => bytes[at] = self.roll(256) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, self.roll(256) as u8),
            }
        }
        first
    }
}
