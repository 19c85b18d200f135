use sha2::{Digest as _, Sha256};

use super::ids;

/// Random texts for one input, of fresh random bytes.
#[derive(Clone, Debug)]
pub struct Random {
    seed: [u8; 32],
    drawn: u64,
}

impl Random {
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    fn draw(&mut self) -> [u8; 32] {
        self.drawn = self.drawn.saturating_add(1);
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.drawn.to_le_bytes());
        hash.finalize().into()
    }

    pub fn number(&mut self) -> u64 {
        let drawn = self.draw();
        let (first, _) = drawn.split_first_chunk().unwrap_or((&[0; 8], &[]));
        u64::from_le_bytes(*first)
    }

    /// The id of a track, or of a connection within its room.
    pub(super) fn id(&mut self) -> String {
        ids::letters(self.number())
    }

    /// What nobody can guess.
    pub fn secret(&mut self) -> String {
        let drawn = self.draw();
        drawn.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
