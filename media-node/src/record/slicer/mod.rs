//! Cuts one track of one user, or the tracks of a mix together, into slices. It follows the media's own times only, so a
//! recording read from a file is cut as it was live. It does not know what slices are written in: the container's writer does.

mod cut;
mod run;

use std::sync::Arc;

use super::sink::SliceSink;
use crate::container::{Container, Discontinuity, FileNames, initialization};
use crate::media::MediaError;
use crate::spool::{Form, PlaylistKey, Slice, SpoolError};
use crate::stream::{AccessUnit, Clock, Format};

use cut::{Position, Step};
use run::Run;

/// How long units are dropped after a failure to write, in media time.
const PAUSE_AFTER_FAILURE_US: i64 = 5_000_000;

/// Why units were dropped.
#[derive(Debug, thiserror::Error)]
pub(super) enum SliceError {
    /// The format cannot be carried, or a unit is not what its format says.
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("a slice cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// One playlist in the making.
pub(super) struct Slicer<S: SliceSink> {
    sink: Arc<S>,
    key: PlaylistKey,
    names: FileNames,
    container: Container,
    clock: Clock,
    /// The format of the first track,
    format: Option<Format>,
    /// and those of the other tracks.
    others: Vec<Format>,
    /// What follows does not continue what the playlist has, for another reason than a new format.
    restarts: bool,
    /// Packets were lost in front of the next unit.
    lost: bool,
    /// From the first unit of a format up to a break.
    run: Option<Run<S::File>>,
    /// Where on the timeline the playlist ends.
    end_us: i64,
    last_dts_us: i64,
    /// The time in the last slice's name.
    last_ms: Option<u64>,
    /// Until when units are dropped after a failure.
    paused_until_us: i64,
}

impl<S: SliceSink> Slicer<S> {
    /// Goes on with the playlist where the sink has it.
    pub(super) fn new(sink: Arc<S>, clock: Clock, names: FileNames, key: PlaylistKey) -> Self {
        let last = sink.last(&key);
        let end_us = last
            .as_ref()
            .map_or(i64::MIN, |slice| slice.start_us.saturating_add(slice.duration_us));
        Self {
            end_us,
            // Nothing is decoded later than it is shown.
            last_dts_us: end_us.saturating_sub(1),
            last_ms: last.as_ref().map(|slice| slice.start_ms),
            sink,
            key,
            names,
            container: last
                .as_ref()
                .map(|slice| Container::of_name(&slice.name))
                .unwrap_or_default(),
            clock,
            format: None,
            others: Vec::new(),
            restarts: true,
            lost: false,
            run: None,
            paused_until_us: i64::MIN,
        }
    }

    /// The format of the units that follow, all of one track. The same one again changes nothing.
    pub(super) fn format(&mut self, format: Format) -> Result<(), SliceError> {
        self.formats(format, Vec::new())
    }

    /// The formats of the units that follow, of several tracks. The first one decides where slices are cut; the others go along.
    pub(super) fn formats(&mut self, first: Format, others: Vec<Format>) -> Result<(), SliceError> {
        if self.format.as_ref() == Some(&first) && self.others == others {
            return Ok(());
        }
        let ended = self.end_run();
        self.container = self.names.container(self.container, &first);
        self.format = Some(first);
        self.others = others;
        self.paused_until_us = i64::MIN;
        ended
    }

    /// The next unit of the first track, in decoding order. Returns the wall-clock time of a slice's start when one begins
    /// with it.
    pub(super) fn unit(&mut self, unit: &AccessUnit) -> Result<Option<u64>, SliceError> {
        self.guarded(unit, Self::take)
    }

    /// The next unit of the other track with this number, the first other one's is 0. It stands among the units of the
    /// first track where it is to be played. Dropped where no slice is open.
    pub(super) fn companion(&mut self, number: usize, unit: &AccessUnit) -> Result<(), SliceError> {
        self.guarded(unit, |slicer, unit| match &mut slicer.run {
            Some(run) if run.is_open() => run.append(number + 1, unit),
            _ => Ok(()),
        })
    }

    fn guarded<T: Default>(
        &mut self,
        unit: &AccessUnit,
        take: impl FnOnce(&mut Self, &AccessUnit) -> Result<T, SliceError>,
    ) -> Result<T, SliceError> {
        if unit.data.is_empty() || unit.dts_us < self.container.earliest_us() || unit.pts_us < self.paused_until_us {
            return Ok(T::default());
        }
        let result = take(self, unit);
        if result.is_err() {
            // What is written stays readable up to here.
            self.paused_until_us = unit.pts_us.saturating_add(PAUSE_AFTER_FAILURE_US);
            self.restarts = true;
            let _ = self.end_run();
        }
        result
    }

    /// Packets were lost in front of the next unit.
    pub(super) fn lost(&mut self) {
        self.lost = true;
    }

    /// The track ends at `at_us`: a picture that stood still was shown until then, or for as long as a track may be silent.
    pub(super) fn last_until(&mut self, at_us: i64) {
        if let Some(run) = self.run.as_mut().filter(|run| run.is_open()) {
            run.last_until(at_us);
        }
    }

    /// The stream has ended, or is not wanted any more: the open slice is committed.
    pub(super) fn interrupt(&mut self) -> Result<(), SliceError> {
        self.restarts = true;
        self.end_run()
    }

    /// Commits the open slice of a track that has fallen silent, so that it need not wait for what may never come.
    pub(super) fn tick(&mut self, now_us: i64) -> Result<(), SliceError> {
        match &self.run {
            Some(run) if cut::is_over(self.key.track, &run.position(), now_us) => {
                self.restarts = true;
                self.end_slice(None)
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, unit: &AccessUnit) -> Result<Option<u64>, SliceError> {
        let Some(format) = self.format.clone() else {
            return Ok(None);
        };
        let position = Position {
            track: self.key.track,
            playlist_end_us: self.end_us,
            last_dts_us: self.last_dts_us,
            run: self.run.as_ref().map(Run::position),
            lost: self.lost,
            needs_keyframe: self.container.needs_keyframe(),
        };
        let step = cut::step(&position, unit);
        if step == Step::Drop {
            return Ok(None);
        }
        self.lost = false;
        let begun = match step {
            Step::Drop | Step::Append => None,
            Step::NextSlice { boundary_us } => {
                self.end_slice(Some(boundary_us))?;
                Some(self.begin_slice(boundary_us, false)?)
            }
            Step::Resume => Some(self.begin_slice(unit.pts_us, true)?),
            Step::NewRun => {
                if self.run.is_some() {
                    self.restarts = true;
                }
                self.end_run()?;
                self.run = Some(Run::new(self.container, &format, &self.others)?);
                Some(self.begin_slice(unit.pts_us, true)?)
            }
        };
        if let Some(run) = &mut self.run {
            run.append(0, unit)?;
            self.last_dts_us = unit.dts_us;
        }
        Ok(begun)
    }

    fn begin_slice(&mut self, start_us: i64, discontinuity: bool) -> Result<u64, SliceError> {
        let wall_ms = self.clock.wall_ms(start_us);
        // Two slices of a playlist must not share a name, even if a clock was set back.
        let start_ms = self.last_ms.map_or(wall_ms, |last| wall_ms.max(last + 1));
        let name = self.names.slice(start_ms, self.container);
        let initializing = self.run.as_ref().map_or(0, Run::initialization_bytes);
        let mut tags = if discontinuity { self.tags(start_ms) } else { Vec::new() };
        tags.extend((initializing > 0).then(|| initialization(&name, initializing)));
        let slice = Slice {
            playlist: self.key.clone(),
            name,
            start_us,
            duration_us: 0,
            start_ms,
            bytes: 0,
            discontinuity,
            tags,
            form: self.form(),
        };
        let file = self.sink.begin(&self.names.playlist(), &slice)?;
        if let Some(run) = &mut self.run {
            run.open(file, slice);
        }
        self.last_ms = Some(start_ms);
        self.restarts = false;
        Ok(start_ms)
    }

    /// Of one track: a playlist of several is not named by another one.
    fn form(&self) -> Option<Form> {
        let format = self.format.as_ref().filter(|_| self.others.is_empty())?;
        Some(Form {
            codec: format.codec_name(),
            size: format.picture_size(),
        })
    }

    fn tags(&self, start_ms: u64) -> Vec<String> {
        let picture = self.format.as_ref().and_then(Format::picture_size);
        self.names.tags().lines(Discontinuity {
            track: self.key.track,
            picture,
            restarts: self.restarts,
            at_ms: start_ms,
        })
    }

    fn end_run(&mut self) -> Result<(), SliceError> {
        let result = self.end_slice(None);
        self.run = None;
        result
    }

    /// `boundary_us`: where the next slice goes on without a gap, if it does.
    fn end_slice(&mut self, boundary_us: Option<i64>) -> Result<(), SliceError> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let Some((file, slice, rest)) = run.close(boundary_us) else {
            return Ok(());
        };
        if slice.bytes == 0 {
            self.sink.discard(file)?;
            return Ok(());
        }
        self.end_us = self.end_us.max(slice.start_us.saturating_add(slice.duration_us));
        self.sink.commit(file, slice)?;
        rest
    }
}

#[cfg(test)]
mod tests;
