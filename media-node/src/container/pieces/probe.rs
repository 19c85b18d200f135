use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::clusters::clusters;
use super::fragments::fragments;
use crate::container::FinishError;
use crate::container::mpegts::{SliceProbe, to_us};
use crate::media::{PieceFormat, PieceUnit, piece_units};

/// By how much a unit may be shown before a cut, in microseconds, and be behind it: times are rounded.
const NEAR_US: i64 = 10_000;

/// Measures a slice that may be cut off at any byte: its whole pieces. `None` when there are none.
pub fn finish_slice(path: &Path, format: PieceFormat) -> Result<Option<SliceProbe>, FinishError> {
    let pieces = pieces(path, format)?;
    let Some(last) = pieces.last() else { return Ok(None) };
    Ok(measure(&piece_units(path, last.end)?, last.end))
}

/// What is left of a whole slice when the pieces are cut away that show nothing from before `after_us`, counted from its first
/// unit. `None` when that is nothing.
pub fn cut_slice(path: &Path, format: PieceFormat, after_us: i64) -> Result<Option<SliceProbe>, FinishError> {
    let pieces = pieces(path, format)?;
    let Some(whole) = pieces.last().map(|last| last.end) else {
        return Ok(None);
    };
    let units = piece_units(path, whole)?;
    let first_us = units.iter().map(|unit| to_us(unit.pts)).min().unwrap_or_default();
    let is_before = |piece: &&Range<u64>| {
        let mut inside = units.iter().filter(|unit| piece.contains(&unit.offset));
        inside.any(|unit| to_us(unit.pts) - first_us < after_us.saturating_sub(NEAR_US))
    };
    let Some(last) = pieces.iter().take_while(is_before).last() else {
        return Ok(None);
    };
    let probe = measure(&units, last.end);
    Ok(probe.map(|probe| SliceProbe {
        duration_us: probe.duration_us.min(after_us),
        ..probe
    }))
}

fn pieces(path: &Path, format: PieceFormat) -> std::io::Result<Vec<Range<u64>>> {
    let mut file = File::open(path)?;
    match format {
        PieceFormat::Mp4 => fragments(&mut file),
        PieceFormat::WebM => clusters(&mut file),
    }
}

/// `bytes`: where what counts ends.
fn measure(units: &[PieceUnit], bytes: u64) -> Option<SliceProbe> {
    let whole = || units.iter().filter(|unit| unit.offset < bytes);
    let (first, last) = (whole().map(|unit| unit.pts).min()?, whole().map(|unit| unit.pts).max()?);
    let decoded: Vec<i64> = whole().map(|unit| unit.dts).collect();
    let step = match decoded.as_slice() {
        [.., before, last] => last - before,
        _ => 0,
    };
    let duration_us = to_us(last - first + step);
    Some(SliceProbe {
        // A single unit lasts for a moment at least.
        duration_us: duration_us.max(1),
        units: decoded.len() as u64,
        bytes,
    })
}
