//! Shrinks pictures by whole numbers: each sample becomes the mean of a box of samples. Reading a large picture is most
//! of the work of scaling it down, and sums of whole rows are the fastest way to read it.

use super::{Crop, MediaError, Picture};

/// A box of samples that becomes one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// 2, 4 or 8, so that it can be summed by halves.
    across: usize,
    /// 2 to 32, so that a sum has 16 bits.
    down: usize,
}

impl Reduction {
    /// The largest box that does not shrink the source below the target; `None` if the target is not half as wide and
    /// half as high.
    pub fn between(source: (u32, u32), target: (u32, u32)) -> Option<Self> {
        let across = match source.0 / target.0.max(1) {
            0..2 => return None,
            2..4 => 2,
            4..8 => 4,
            _ => 8,
        };
        let down = match source.1 / target.1.max(1) {
            0..2 => return None,
            times => times.min(32) as usize,
        };
        Some(Self { across, down })
    }

    /// What is left of a source, in even numbers: never less than the target that the box was made for.
    pub fn size(&self, source: (u32, u32)) -> (u32, u32) {
        ((source.0 / self.across as u32) & !1, (source.1 / self.down as u32) & !1)
    }

    /// Fills `target`, whose size is [`size`](Self::size) of the crop's, from a crop inside of `source`. Both are planar
    /// YUV 4:2:0. `sums` is scratch memory.
    pub fn apply(
        &self,
        source: &Picture,
        crop: Crop,
        target: &mut Picture,
        sums: &mut Vec<u16>,
    ) -> Result<(), MediaError> {
        target.make_writable()?;
        for index in 0..3 {
            let (width, height) = target.plane_size(index);
            let shift = u32::from(index > 0);
            let (left, top) = ((crop.x >> shift) as usize, (crop.y >> shift) as usize);
            let from = source.plane(index);
            let to = target.plane_mut(index);
            for (y, out) in to.data.chunks_mut(to.stride).take(height).enumerate() {
                let rows = (0..self.down).filter_map(|row| {
                    from.row(top + y * self.down + row)
                        .get(left..left + width * self.across)
                });
                if let Some(out) = out.get_mut(..width) {
                    self.shrink(rows, sums, out);
                }
            }
        }
        Ok(())
    }

    /// One row of the target.
    fn shrink<'a>(&self, rows: impl Iterator<Item = &'a [u8]>, sums: &mut Vec<u16>, out: &mut [u8]) {
        sums.resize(out.len() * self.across / 2, 0);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { self.shrink_with_avx2(rows, sums, out) };
        }
        self.shrink_portably(rows, sums, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn shrink_with_avx2<'a>(&self, rows: impl Iterator<Item = &'a [u8]>, sums: &mut [u16], out: &mut [u8]) {
        self.shrink_portably(rows, sums, out);
    }

    #[inline(always)]
    fn shrink_portably<'a>(&self, mut rows: impl Iterator<Item = &'a [u8]>, sums: &mut [u16], out: &mut [u8]) {
        sums.fill(0);
        while let Some(row) = rows.next() {
            match rows.next() {
                Some(next) => add_rows(sums, row, next),
                None => add_row(sums, row),
            }
        }
        let count = (self.across * self.down) as u32;
        let factor = 65_536u32.div_ceil(count);
        let mean = |sum: u16| ((u32::from(sum + count as u16 / 2) * factor) >> 16) as u8;
        match self.across {
            2 => out.iter_mut().zip(&*sums).for_each(|(out, sum)| *out = mean(*sum)),
            4 => out
                .iter_mut()
                .zip(sums.as_chunks().0)
                .for_each(|(out, [a, b])| *out = mean(a + b)),
            _ => out
                .iter_mut()
                .zip(sums.as_chunks().0)
                .for_each(|(out, [a, b, c, d])| *out = mean(a + b + c + d)),
        }
    }
}

/// Two neighbours as one number of 16 bits fall apart into their sum without any shuffling of lanes.
#[inline(always)]
fn pair(samples: [u8; 2]) -> u16 {
    let both = u16::from_le_bytes(samples);
    (both & 0xff) + (both >> 8)
}

#[inline(always)]
fn add_row(sums: &mut [u16], row: &[u8]) {
    for (sum, samples) in sums.iter_mut().zip(row.as_chunks().0) {
        *sum += pair(*samples);
    }
}

/// Two rows at a time, because the sums must be fetched and stored each time.
#[inline(always)]
fn add_rows(sums: &mut [u16], row: &[u8], next: &[u8]) {
    for ((sum, samples), below) in sums.iter_mut().zip(row.as_chunks().0).zip(next.as_chunks().0) {
        *sum += pair(*samples) + pair(*below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples that differ from their neighbours.
    fn patterned(width: u32, height: u32) -> Picture {
        let mut picture = Picture::new(width, height).unwrap();
        for index in 0..3 {
            let plane = picture.plane_mut(index);
            plane
                .data
                .iter_mut()
                .enumerate()
                .for_each(|(at, sample)| *sample = (at * 31 % 253) as u8);
        }
        picture
    }

    #[test]
    fn boxes_are_the_largest_that_leave_enough() {
        let between = |source, target| Reduction::between(source, target).map(|found| (found.across, found.down));
        assert_eq!(between((1280, 720), (640, 360)), Some((2, 2)));
        assert_eq!(between((1280, 720), (426, 240)), Some((2, 3)));
        assert_eq!(between((1280, 720), (256, 144)), Some((4, 5)));
        assert_eq!(between((1280, 720), (20, 10)), Some((8, 32)));
        assert_eq!(between((1280, 720), (642, 360)), None);
        assert_eq!(between((1280, 720), (320, 480)), None);
    }

    #[test]
    fn each_sample_is_the_mean_of_its_box() {
        let source = patterned(200, 120);
        let crop = Crop {
            x: 6,
            y: 10,
            width: 190,
            height: 100,
        };
        for (across, down) in [(2, 2), (2, 3), (4, 5), (8, 32)] {
            let reduction = Reduction { across, down };
            let (width, height) = reduction.size((crop.width, crop.height));
            let mut target = Picture::new(width, height).unwrap();
            reduction.apply(&source, crop, &mut target, &mut Vec::new()).unwrap();
            for index in 0..3 {
                let (left, top) = if index == 0 { (6, 10) } else { (3, 5) };
                let (width, height) = target.plane_size(index);
                for (x, y) in [(0, 0), (width - 1, 0), (width / 2, height / 2), (width - 1, height - 1)] {
                    let rows = (0..down).map(|row| source.plane(index).row(top + y * down + row));
                    let sum: usize = rows
                        .map(|row| {
                            row[left + x * across..][..across]
                                .iter()
                                .map(|s| usize::from(*s))
                                .sum::<usize>()
                        })
                        .sum();
                    let found = usize::from(target.plane(index).row(y)[x]);
                    let mean = (sum + across * down / 2) / (across * down);
                    assert!(
                        found.abs_diff(mean) <= 1,
                        "{across}×{down} at {x}, {y} of {index}: {found}, not {mean}"
                    );
                }
            }
        }
    }

    #[test]
    fn white_stays_white() {
        let mut source = Picture::new(256, 256).unwrap();
        (0..3).for_each(|index| source.plane_mut(index).data.fill(255));
        let reduction = Reduction { across: 8, down: 32 };
        let mut target = Picture::new(32, 8).unwrap();
        let crop = Crop {
            x: 0,
            y: 0,
            width: 256,
            height: 256,
        };
        reduction.apply(&source, crop, &mut target, &mut Vec::new()).unwrap();
        assert!((0..8).all(|y| target.plane(0).row(y)[..32].iter().all(|sample| *sample == 255)));
    }
}
