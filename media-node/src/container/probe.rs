use std::path::Path;

use super::to_us;
use crate::media::{DemuxedUnit, MediaError, TsDemuxer};

/// What a slice still holds that was cut off while it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceProbe {
    /// From the first unit's presentation to the end of the last whole one.
    pub duration_us: i64,
    /// Whole pictures or audio frames, more than 0.
    pub units: u64,
    /// Length of the file's beginning that holds exactly these units, in bytes.
    pub bytes: u64,
}

/// Measures a slice, one elementary stream in MPEG-TS, that may be cut off at any byte. Nothing tells whether its last
/// PES packet is whole, so that one does not count: at most one picture or a quarter of a second of audio is given up.
/// `None` when nothing whole is left.
pub fn probe_slice(path: &Path) -> Result<Option<SliceProbe>, MediaError> {
    let mut demuxer = TsDemuxer::open(path)?;
    let mut measure = Measure::default();
    while let Some(unit) = demuxer.next_unit()? {
        measure.add(&unit);
    }
    Ok(measure.result())
}

/// All times in ticks, relative to the first unit.
#[derive(Default)]
struct Measure {
    units: u64,
    latest_pts: i64,
    last_dts: Option<i64>,
    /// Between the last two units, in decoding order.
    step: i64,
    whole: Option<SliceProbe>,
}

impl Measure {
    fn add(&mut self, unit: &DemuxedUnit) {
        if let Some(last) = self.last_dts {
            self.step = unit.dts - last;
        }
        // With this unit's PES packet all before it is known to be whole.
        if let Some(bytes) = unit.offset.filter(|_| self.units > 0) {
            let end = self.latest_pts + self.step;
            self.whole = Some(SliceProbe {
                duration_us: to_us(end),
                units: self.units,
                bytes,
            });
        }
        self.units += 1;
        self.latest_pts = self.latest_pts.max(unit.pts);
        self.last_dts = Some(unit.dts);
    }

    fn result(self) -> Option<SliceProbe> {
        self.whole.filter(|probe| probe.duration_us > 0)
    }
}
