//! Which tones are in recorded sound, and when: each user of a mix has a tone of its own.

use std::f64::consts::TAU;
use std::path::Path;

use crate::probe;

/// Samples a second.
const RATE: f64 = 48_000.0;

/// An amplitude from the first on is a tone, and below the second none; a publisher's tone has 0.125.
pub const PRESENT: f64 = 0.06;
pub const ABSENT: f64 = 0.02;

/// The first audio track of a file or playlist, decoded.
pub struct Sound(Vec<f32>);

impl Sound {
    /// # Panics
    /// When it cannot be decoded.
    pub async fn read(media: &Path) -> Self {
        let raw = ["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"];
        let (bytes, said) = probe::decode(&[], media, &raw).await;
        assert!(said.is_empty(), "{}: {said}", media.display());
        let (samples, _) = bytes.as_chunks();
        Self(samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// One channel of it alone.
    ///
    /// # Panics
    /// When it cannot be decoded.
    pub async fn read_side(media: &Path, channel: u8) -> Self {
        let side = format!("pan=mono|c0=c{channel}");
        let raw = ["-map", "0:a:0", "-af", &side, "-ar", "48000", "-f", "f32le", "-"];
        let (bytes, said) = probe::decode(&[], media, &raw).await;
        assert!(said.is_empty(), "{}: {said}", media.display());
        let (samples, _) = bytes.as_chunks();
        Self(samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// In seconds.
    pub fn duration(&self) -> f64 {
        self.0.len() as f64 / RATE
    }

    /// How loud a frequency is from a second on, for a while, both in seconds of the track.
    pub fn level(&self, from: f64, length: f64, frequency: u32) -> f64 {
        amplitude(self.window(from, length), f64::from(frequency))
    }

    /// When a tone begins, in seconds of the track, to within 5 ms; one that is there from the beginning does not count.
    pub fn onsets(&self, frequency: u32) -> Vec<f64> {
        let (step, length) = (0.005, 0.010);
        let mut onsets = Vec::new();
        let mut before = true;
        for number in 0..(self.duration() / step) as usize {
            let from = number as f64 * step;
            let on = self.level(from, length, frequency) >= PRESENT;
            if on && !before {
                onsets.push(from + length / 2.0);
            }
            before = on;
        }
        onsets
    }

    fn window(&self, from: f64, length: f64) -> &[f32] {
        let end = ((from + length) * RATE) as usize;
        let end = end.min(self.0.len());
        &self.0[((from * RATE) as usize).min(end)..end]
    }
}

/// The amplitude of the part of the samples that has this frequency (Goertzel's algorithm).
fn amplitude(samples: &[f32], frequency: f64) -> f64 {
    let step = 2.0 * (TAU * frequency / RATE).cos();
    let (last, before) = samples.iter().fold((0.0, 0.0), |(last, before), sample| {
        (f64::from(*sample) + step * last - before, last)
    });
    2.0 * (last * last + before * before - step * last * before).max(0.0).sqrt() / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f64, level: f64, samples: std::ops::Range<usize>) -> Vec<f32> {
        samples
            .map(|sample| (level * (TAU * frequency * sample as f64 / RATE).sin()) as f32)
            .collect()
    }

    #[test]
    fn tones_are_told_apart() {
        let (one, two) = (tone(400.0, 0.125, 0..48_000), tone(700.0, 0.125, 0..48_000));
        let both = Sound(one.iter().zip(&two).map(|(one, two)| one + two).collect());
        let levels = [400, 700, 1100].map(|frequency| both.level(0.2, 0.1, frequency));
        assert!(levels[0] > 0.12 && levels[1] > 0.12 && levels[2] < 0.001, "{levels:?}");
        let half = Sound([tone(400.0, 0.125, 0..2_400), vec![0.0; 2_400]].concat());
        assert!((half.level(0.0, 0.1, 400) - 0.0625).abs() < 0.001);
    }

    #[test]
    fn beginnings_are_found() {
        let mut samples = vec![0.0; 24_000];
        samples.extend(tone(1000.0, 0.5, 0..4_800));
        samples.resize(72_000, 0.0);
        samples.extend(tone(2000.0, 0.5, 0..4_800));
        let sound = Sound(samples);
        let near = |onsets: Vec<f64>, at: f64| onsets.len() == 1 && (onsets[0] - at).abs() <= 0.005;
        assert!(near(sound.onsets(1000), 0.5), "{:?}", sound.onsets(1000));
        assert!(near(sound.onsets(2000), 1.5), "{:?}", sound.onsets(2000));
        assert_eq!(sound.onsets(3000), [] as [f64; 0]);
    }
}
