use std::io::Write;

use super::SliceError;
use super::cut::{RunPosition, SILENCE_US, SlicePosition};
use crate::container::{Container, Reach, SliceUnit, SliceWriter};
use crate::spool::Slice;
use crate::stream::{AccessUnit, Format};

/// How long a picture is taken to last before two are known, and the longest that the last one is taken to last while more may
/// come.
const DEFAULT_PICTURE_US: i64 = 40_000;
const LONGEST_PICTURE_US: i64 = 1_000_000;

/// A stretch of one format for each track without a break.
pub(super) struct Run<F> {
    writer: Box<dyn SliceWriter>,
    /// The first track, by which slices are cut; the others go along.
    lead: Lane,
    others: Vec<Lane>,
    slice: Option<Open<F>>,
}

/// Where one track is.
struct Lane {
    audio: bool,
    /// How long the last unit lasts.
    frame_us: i64,
    /// Between the last two pictures, in decoding order.
    step_us: i64,
    last_dts_us: i64,
    latest_pts_us: i64,
    /// Where the time of what surely stands in the slice is over: the writer may hold some media back.
    written_us: i64,
}

struct Open<F> {
    file: F,
    slice: Slice,
}

impl Lane {
    fn new(format: &Format) -> Self {
        Self {
            audio: !format.is_video(),
            frame_us: match format {
                Format::Aac(aac) => frame_us(aac.frame_length, aac.sample_rate),
                Format::Mpeg(mpeg) => frame_us(mpeg.frame_length, mpeg.sample_rate),
                format if format.is_video() => DEFAULT_PICTURE_US,
                // Refused by the container.
                _ => 0,
            },
            step_us: LONGEST_PICTURE_US,
            last_dts_us: i64::MIN,
            latest_pts_us: i64::MIN,
            written_us: i64::MIN,
        }
    }

    /// Where the time of the unit that is shown last is over.
    fn end_us(&self) -> i64 {
        self.latest_pts_us.saturating_add(self.frame_us)
    }

    /// No more pictures come: the last one was shown until `at_us`, if it stood still.
    fn last_until(&mut self, at_us: i64) {
        let lasted_us = at_us.saturating_sub(self.latest_pts_us);
        if !self.audio && self.latest_pts_us != i64::MIN && lasted_us > LONGEST_PICTURE_US {
            self.frame_us = lasted_us.min(SILENCE_US);
        }
    }

    /// Whether frames are missing in front of a unit.
    fn is_gap(&self, unit: &AccessUnit) -> bool {
        self.audio && unit.pts_us.saturating_sub(self.end_us()) > self.frame_us / 2
    }

    fn pass(&mut self, unit: &AccessUnit) {
        if !self.audio && self.last_dts_us != i64::MIN {
            let step_us = (unit.dts_us - self.last_dts_us).clamp(1, LONGEST_PICTURE_US);
            // The smaller of two, so that one gap does not make a picture long.
            self.frame_us = step_us.min(self.step_us);
            self.step_us = step_us;
        }
        self.last_dts_us = unit.dts_us;
        self.latest_pts_us = self.latest_pts_us.max(unit.pts_us);
    }
}

impl<F: Write> Run<F> {
    /// A run of slices in this container. `format`: that of the first track.
    pub(super) fn new(container: Container, format: &Format, others: &[Format]) -> Result<Self, SliceError> {
        let formats: Vec<Format> = std::iter::once(format).chain(others).cloned().collect();
        Ok(Self {
            writer: container.begin(&formats)?,
            lead: Lane::new(format),
            others: others.iter().map(Lane::new).collect(),
            slice: None,
        })
    }

    pub(super) fn position(&self) -> RunPosition {
        RunPosition {
            latest_pts_us: self.lead.latest_pts_us,
            end_us: self.end_us(),
            slice: self.slice.as_ref().map(|open| SlicePosition {
                start_us: open.slice.start_us,
                bytes: open.slice.bytes,
            }),
        }
    }

    /// See [`SliceWriter::initialization_bytes`].
    pub(super) fn initialization_bytes(&self) -> u64 {
        self.writer.initialization_bytes()
    }

    pub(super) fn is_open(&self) -> bool {
        self.slice.is_some()
    }

    /// Where the time of the unit that is shown last is over.
    pub(super) fn end_us(&self) -> i64 {
        self.lead.end_us()
    }

    /// See [`Slicer::last_until`](super::Slicer::last_until).
    pub(super) fn last_until(&mut self, at_us: i64) {
        self.lead.last_until(at_us);
    }

    pub(super) fn open(&mut self, file: F, slice: Slice) {
        self.slice = Some(Open { file, slice });
    }

    /// Writes a unit of the track with this number, the first one's is 0, into the open slice.
    pub(super) fn append(&mut self, track: usize, unit: &AccessUnit) -> Result<(), SliceError> {
        let lane = match track.checked_sub(1) {
            None => Some(&mut self.lead),
            Some(index) => self.others.get_mut(index),
        };
        let Some(lane) = lane else { return Ok(()) };
        let mut reach = Reach::NoFarther;
        if let Some(open) = &mut self.slice {
            let written = self.writer.write(SliceUnit {
                track,
                unit,
                after_gap: lane.is_gap(unit),
            })?;
            open.write(&written.bytes)?;
            reach = written.reach;
        }
        if reach == Reach::UnitBefore {
            lane.written_us = lane.end_us();
        }
        lane.pass(unit);
        if reach == Reach::ThisUnit {
            lane.written_us = lane.end_us();
        }
        Ok(())
    }

    /// Ends the open slice at `boundary_us`, else where its last unit's time is over. The slice is complete even if its
    /// last bytes could not be written: it ends before them.
    pub(super) fn close(&mut self, boundary_us: Option<i64>) -> Option<(F, Slice, Result<(), SliceError>)> {
        let mut open = self.slice.take()?;
        let rest = match self.writer.end() {
            Ok(bytes) => open.write(&bytes),
            Err(error) => Err(error.into()),
        };
        let end_us = match &rest {
            Ok(()) => boundary_us.unwrap_or_else(|| self.end_us()),
            Err(_) => self.lead.written_us,
        };
        let rest = rest.and_then(|()| open.write(&self.writer.padding(open.slice.bytes)));
        let Open { file, mut slice, .. } = open;
        slice.duration_us = (end_us - slice.start_us).max(1);
        Some((file, slice, rest))
    }
}

fn frame_us(frame_length: u32, sample_rate: u32) -> i64 {
    i64::from(frame_length) * 1_000_000 / i64::from(sample_rate.max(1))
}

impl<F: Write> Open<F> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SliceError> {
        self.file.write_all(bytes)?;
        self.slice.bytes += bytes.len() as u64;
        Ok(())
    }
}
