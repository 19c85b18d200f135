use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::padding::padding;
use super::timeline::to_us;
use crate::container::FinishError;
use crate::media::{DemuxedUnit, MediaError, TsDemuxer};
use crate::stream::Track;

/// By how much a unit may be shown before a cut, in microseconds, and be behind it: times are rounded.
const NEAR_US: i64 = 10_000;

/// What a slice still holds that was cut off while it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceProbe {
    /// From the first unit's presentation to the end of the last whole one; of the video where there is video.
    pub duration_us: i64,
    /// Whole pictures, or audio frames where there is no video; more than 0.
    pub units: u64,
    /// Length of the file's beginning that holds exactly the whole units, in bytes.
    pub bytes: u64,
}

/// Measures a slice in MPEG-TS, with one elementary stream or one of each kind, that may be cut off at any byte. PES
/// packets stand one behind the other, and nothing tells whether the last one is whole, so that it does not count: at most
/// one picture or a quarter of a second of audio is given up. `None` when nothing whole is left.
pub fn probe_slice(path: &Path) -> Result<Option<SliceProbe>, MediaError> {
    let mut demuxer = TsDemuxer::open(path)?;
    let mut units = Vec::new();
    while let Some(unit) = demuxer.next_unit()? {
        units.push(unit);
    }
    Ok(measure(&units))
}

/// What is left of a whole slice when what is shown from `after_us` on, counted from its first unit, is cut away with all
/// that stands behind it in the file. `None` when that is nothing whole.
pub fn cut_slice(path: &Path, after_us: i64) -> Result<Option<SliceProbe>, MediaError> {
    let mut demuxer = TsDemuxer::open(path)?;
    let (mut units, mut places) = (Vec::new(), [0, 0]);
    let mut first_behind = None;
    while let Some(unit) = demuxer.next_unit()? {
        let place = &mut places[usize::from(unit.track == Track::Video)];
        // Frames of sound that share a PES packet are kept or cut together.
        *place = unit.offset.unwrap_or(*place);
        if to_us(unit.pts) >= after_us.saturating_sub(NEAR_US) {
            first_behind = Some(first_behind.unwrap_or(u64::MAX).min(*place));
        }
        units.push(unit);
    }
    let Some(bytes) = first_behind.filter(|bytes| *bytes > 0) else {
        return Ok(None);
    };
    let probe = measure_up_to(&units, bytes);
    Ok(probe.map(|probe| SliceProbe {
        duration_us: probe.duration_us.min(after_us),
        ..probe
    }))
}

/// Cuts a slice behind what [`probe_slice`] finds in it, and pads it where it has become too short for players to know what
/// it is.
pub fn finish_slice(path: &Path) -> Result<Option<SliceProbe>, FinishError> {
    let Some(mut probe) = probe_slice(path)? else {
        return Ok(None);
    };
    let padding = padding(probe.bytes);
    if !padding.is_empty() {
        let mut file = File::options().write(true).open(path)?;
        file.set_len(probe.bytes)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&padding)?;
        probe.bytes += padding.len() as u64;
    }
    Ok(Some(probe))
}

fn measure(units: &[DemuxedUnit]) -> Option<SliceProbe> {
    measure_up_to(units, units.iter().filter_map(|unit| unit.offset).max()?)
}

/// `bytes`: where the first unit begins that does not count.
fn measure_up_to(units: &[DemuxedUnit], bytes: u64) -> Option<SliceProbe> {
    let has_video = units.iter().any(|unit| unit.track == Track::Video);
    let lead = if has_video { Track::Video } else { Track::Audio };
    let mut span = Span::default();
    let mut place = 0;
    for unit in units.iter().filter(|unit| unit.track == lead) {
        place = unit.offset.unwrap_or(place);
        span.add(unit, place < bytes);
    }
    span.probe(bytes)
}

/// What the units of one track span. All times in ticks, relative to the first unit of the file.
#[derive(Default)]
struct Span {
    whole: u64,
    first_pts: i64,
    latest_pts: i64,
    last_dts: Option<i64>,
    /// Between the last two units, in decoding order.
    step: i64,
}

impl Span {
    fn add(&mut self, unit: &DemuxedUnit, whole: bool) {
        if let Some(last) = self.last_dts.replace(unit.dts) {
            self.step = unit.dts - last;
        }
        if whole {
            if self.whole == 0 {
                (self.first_pts, self.latest_pts) = (unit.pts, unit.pts);
            }
            self.whole += 1;
            self.latest_pts = self.latest_pts.max(unit.pts);
        }
    }

    fn probe(self, bytes: u64) -> Option<SliceProbe> {
        let duration_us = to_us(self.latest_pts - self.first_pts + self.step);
        (self.whole > 0 && duration_us > 0).then_some(SliceProbe {
            duration_us,
            units: self.whole,
            bytes,
        })
    }
}
