use protocol::FileFormat;

use super::track_slicer::{AAC_ENCODER, LONGEST_HOLE_US};
use super::transcode::{Coding, TranscodeError, Transcoder};
use crate::media::MuxedTrack;
use crate::record::files::Series;
use crate::stream::{AccessUnit, Format};

/// Files with the sound of one user, as M4A or MP3. AAC goes into M4A files as it is sent, everything else is made anew.
pub(super) struct SoundFiles {
    coding: Coding,
    series: Series,
    /// The format of what comes.
    format: Option<Format>,
    transcoder: Option<Transcoder>,
    /// The file has this format,
    written: Option<Format>,
    /// and what is in it ends there.
    end_us: i64,
    made: Vec<AccessUnit>,
}

impl SoundFiles {
    pub(super) fn new(format: FileFormat, series: Series, floor_us: Option<i64>) -> Self {
        Self {
            coding: match format {
                FileFormat::Mp4 | FileFormat::M4a => Coding::Aac(AAC_ENCODER),
                FileFormat::Mp3 => Coding::Mp3,
            },
            series,
            format: None,
            transcoder: None,
            written: None,
            end_us: floor_us.unwrap_or(i64::MIN),
            made: Vec::new(),
        }
    }

    pub(super) fn format(&mut self, format: &Format) -> Result<(), TranscodeError> {
        if self.format.as_ref() == Some(format) {
            return Ok(());
        }
        let ended = self.interrupt();
        self.format = Some(format.clone());
        ended
    }

    /// Returns the wall-clock time of a file's start when one begins with it, Unix milliseconds.
    pub(super) fn unit(&mut self, unit: &AccessUnit) -> Result<Option<u64>, TranscodeError> {
        let Some(format) = self.format.clone() else {
            return Ok(None);
        };
        let end_us = match &self.transcoder {
            Some(transcoder) => transcoder.end_us(),
            None => Some(self.end_us),
        };
        let ended = match end_us {
            Some(end_us) if end_us > i64::MIN && unit.pts_us.saturating_sub(end_us) > LONGEST_HOLE_US => {
                self.interrupt()
            }
            _ => Ok(()),
        };
        if matches!((&format, self.coding), (Format::Aac(_), Coding::Aac(_))) {
            self.made.push(unit.clone());
            return ended.map(|()| self.write(&format));
        }
        if self.transcoder.is_none() {
            self.transcoder = Some(Transcoder::new(&format, self.coding)?);
        }
        let Some(transcoder) = &mut self.transcoder else {
            return Ok(None);
        };
        let made_as = transcoder.format();
        let taken = transcoder.unit(unit, &mut self.made);
        if matches!(taken, Err(TranscodeError::Encode(_))) {
            self.transcoder = None;
        }
        let begun = self.write(&made_as);
        taken.and(ended)?;
        Ok(begun)
    }

    /// Nothing comes for now: a file ends.
    pub(super) fn interrupt(&mut self) -> Result<(), TranscodeError> {
        let finished = match self.transcoder.take() {
            Some(transcoder) => {
                let made_as = transcoder.format();
                let finished = transcoder.finish(&mut self.made);
                self.write(&made_as);
                finished
            }
            None => Ok(()),
        };
        self.series.close();
        finished
    }

    fn write(&mut self, format: &Format) -> Option<u64> {
        let lasts_us = frame_us(Some(format));
        if self.written.as_ref() != Some(format) {
            self.written = Some(format.clone());
            self.series.begin(vec![MuxedTrack {
                format: format.clone(),
                duration_us: lasts_us,
            }]);
        }
        let mut begun = None;
        for unit in std::mem::take(&mut self.made) {
            // A stretch that follows closely on another one has its run-up where that one still sounds.
            if unit.data.is_empty() || unit.pts_us < self.end_us.saturating_sub(lasts_us / 2) {
                continue;
            }
            self.end_us = unit.pts_us.saturating_add(lasts_us);
            let started = self.series.unit(0, &unit);
            begun = begun.or(started);
        }
        begun
    }
}

/// How long a frame of sound lasts.
pub(super) fn frame_us(format: Option<&Format>) -> i64 {
    let (samples, rate) = match format {
        Some(Format::Aac(aac)) => (aac.frame_length, aac.sample_rate),
        Some(Format::Mpeg(mpeg)) => (mpeg.frame_length, mpeg.sample_rate),
        _ => (0, 1),
    };
    i64::from(samples) * 1_000_000 / i64::from(rate.max(1))
}
