//! Keeps a mix of many voices inside the range of the encoder without clipping it.

/// What the loudest sample may be after limiting: a little under full scale, because lossy coding overshoots.
const CEILING: f32 = 0.89;

/// How much the gain may grow again from a block to the next: full recovery from half takes about 0.3 s.
const RELEASE: f32 = 1.05;

/// Lowers the gain ahead of a loud block and lets it recover slowly. It looks one block ahead, so that each block comes
/// out at the next call.
#[derive(Debug, Default)]
pub struct Limiter {
    waiting: Option<Block>,
    /// Gain at the boundary behind the last block that came out.
    gain: Option<f32>,
}

/// Samples of each channel, all of the same length.
pub type Channels = Vec<Vec<f32>>;

#[derive(Debug)]
struct Block {
    channels: Channels,
    /// The gain that the block bears.
    limit: f32,
}

impl Limiter {
    /// Takes a block and gives the one before it.
    pub fn push(&mut self, channels: Channels) -> Option<Channels> {
        let peak = channels
            .iter()
            .flatten()
            .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let limit = if peak > CEILING { CEILING / peak } else { 1.0 };
        let before = self.waiting.replace(Block { channels, limit });
        before.map(|block| self.release(block, limit))
    }

    /// The last block.
    pub fn finish(&mut self) -> Option<Channels> {
        let block = self.waiting.take()?;
        let limit = block.limit;
        Some(self.release(block, limit))
    }

    /// The gain at both ends of a block is at most what it and its neighbour bear, and it runs straight between them.
    fn release(&mut self, mut block: Block, next: f32) -> Channels {
        let start = self.gain.unwrap_or(block.limit);
        let end = block.limit.min(next).min(start * RELEASE);
        self.gain = Some(end);
        if start < 1.0 || end < 1.0 {
            for samples in &mut block.channels {
                let step = (end - start) / samples.len().max(1) as f32;
                for (index, sample) in samples.iter_mut().enumerate() {
                    *sample *= start + step * index as f32;
                }
            }
        }
        block.channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peak(block: &Channels) -> f32 {
        block.iter().flatten().fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    #[test]
    fn quiet_sound_passes_untouched() {
        let mut limiter = Limiter::default();
        let block = vec![vec![0.5, -0.25, 0.8]];
        assert_eq!(limiter.push(block.clone()), None);
        assert_eq!(limiter.push(vec![vec![0.0; 3]]), Some(block));
    }

    #[test]
    fn nothing_exceeds_the_ceiling_and_the_gain_comes_back() {
        let mut limiter = Limiter::default();
        let loud = |level: f32| vec![vec![level; 1024], vec![-level; 1024]];
        let levels = [0.5, 0.5, 3.0, 0.5, 1.5].into_iter().chain([0.5; 60]);
        let mut out: Vec<Channels> = levels.filter_map(|level| limiter.push(loud(level))).collect();
        out.extend(limiter.finish());
        assert_eq!(out.len(), 65);
        assert!(out.iter().all(|block| peak(block) <= CEILING + 1e-4));
        assert!(
            peak(&out[1]) > 0.49,
            "the gain falls during the block before the loud one"
        );
        assert!((out[2][0][0] - CEILING).abs() < 1e-4);
        assert!((peak(&out[64]) - 0.5).abs() < 1e-4);
    }

    #[test]
    fn the_gain_has_no_step() {
        let mut limiter = Limiter::default();
        let tone = |level: f32| vec![vec![level; 1024]];
        let mut out: Vec<f32> = Vec::new();
        for block in [0.8, 0.8, 2.0, 0.8, 0.8] {
            out.extend(limiter.push(tone(block)).into_iter().flatten().flatten());
        }
        let inside = |at: &usize| !at.is_multiple_of(1024);
        let steps = (1..out.len()).filter(inside).map(|at| (out[at] - out[at - 1]).abs());
        assert!(steps.fold(0.0f32, f32::max) < 0.002);
    }
}
