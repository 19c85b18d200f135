use super::pictures::{PictureCoding, PictureTranscoder};
use super::transcode::{Coding, TranscodeError, Transcoder};
use crate::record::sink::SliceSink;
use crate::record::slicer::{SliceError, Slicer};
use crate::stream::{AccessUnit, Format, JpegFormat};

/// FFmpeg's own encoder, which every build of it has.
pub(super) const AAC_ENCODER: &str = "aac";

/// A longer hole ends a stretch of sound; a shorter one is filled with silence. As long as what capture takes for one
/// piece.
pub(super) const LONGEST_HOLE_US: i64 = 10_000_000;

/// How long an AAC frame of 1024 samples lasts at 48 kHz, rounded down.
const FRAME_US: i64 = 21_333;

/// Why some of a track is not recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrackError {
    #[error(transparent)]
    Slice(#[from] SliceError),
    #[error(transparent)]
    Transcode(#[from] TranscodeError),
}

/// What a track is written as, from its first unit on.
#[derive(Clone, Debug)]
pub(super) enum Tapped {
    Format(Format),
    Unit(AccessUnit),
}

/// A [`Slicer`] that takes units in each format that is recorded: what its container carries goes to it as it comes, other sound as
/// AAC, and Motion JPEG as H.264.
pub(super) struct TrackSlicer<S: SliceSink> {
    slicer: Slicer<S>,
    /// Slices are written.
    slices: bool,
    /// What has been given to the slicer, or would have been, since it was last asked for; `None` when nobody asks.
    tap: Option<Vec<Tapped>>,
    encoder: &'static str,
    /// The format of the units that come, where the container does not carry it.
    transcoded: Option<Format>,
    transcoder: Option<Transcoder>,
    coding: PictureCoding,
    /// The format of the units that come, where they are Motion JPEG.
    jpeg: Option<JpegFormat>,
    pictures: Option<PictureTranscoder>,
    /// The slicer knows the format of what is made of pictures.
    announced: bool,
    /// Where the last frame that was made of other sound is over.
    end_us: i64,
    made: Vec<AccessUnit>,
}

impl<S: SliceSink> TrackSlicer<S> {
    pub(super) fn new(slicer: Slicer<S>, coding: PictureCoding) -> Self {
        Self {
            slicer,
            slices: true,
            tap: None,
            encoder: AAC_ENCODER,
            transcoded: None,
            transcoder: None,
            coding,
            jpeg: None,
            pictures: None,
            announced: false,
            end_us: i64::MIN,
            made: Vec::new(),
        }
    }

    /// `tapped`: what the track is written as is to be had; `slices`: it is written into slices.
    pub(super) fn writing(self, slices: bool, tapped: bool) -> Self {
        Self {
            slices,
            tap: tapped.then(Vec::new),
            ..self
        }
    }

    /// What the track is written as, since this was last asked.
    pub(super) fn tapped(&mut self) -> Vec<Tapped> {
        self.tap.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn announce(&mut self, format: Format) -> Result<(), SliceError> {
        if let Some(tap) = &mut self.tap {
            tap.push(Tapped::Format(format.clone()));
        }
        match self.slices {
            true => self.slicer.format(format),
            false => Ok(()),
        }
    }

    fn give(&mut self, unit: &AccessUnit) -> Result<Option<u64>, SliceError> {
        if let Some(tap) = &mut self.tap {
            tap.push(Tapped::Unit(unit.clone()));
        }
        match self.slices {
            true => self.slicer.unit(unit),
            false => Ok(None),
        }
    }

    #[cfg(test)]
    pub(super) fn with_encoder(self, encoder: &'static str) -> Self {
        Self { encoder, ..self }
    }

    /// The format of the units that follow, which need not join what came before.
    pub(super) fn format(&mut self, format: Format) -> Result<(), TrackError> {
        let flushed = self.flush();
        (self.transcoded, self.jpeg) = (None, None);
        match format {
            // The slicer learns the format that the encoder gives.
            Format::Jpeg(jpeg) => self.jpeg = Some(jpeg),
            format if is_carried(&format) => self.announce(format)?,
            format => self.transcoded = Some(format),
        }
        flushed
    }

    /// The next unit. Returns the wall-clock time of a slice's start when one begins with it.
    pub(super) fn unit(&mut self, unit: &AccessUnit) -> Result<Option<u64>, TrackError> {
        if let Some(jpeg) = self.jpeg.clone() {
            return self.picture(&jpeg, unit);
        }
        let Some(format) = self.transcoded.clone() else {
            return Ok(self.give(unit)?);
        };
        let end_us = self.transcoder.as_ref().and_then(Transcoder::end_us);
        if end_us.is_some_and(|end_us| unit.pts_us.saturating_sub(end_us) > LONGEST_HOLE_US) {
            self.flush()?;
        }
        if self.transcoder.is_none() {
            let transcoder = Transcoder::new(&format, Coding::Aac(self.encoder))?;
            self.announce(transcoder.format())?;
            self.transcoder = Some(transcoder);
        }
        let Some(transcoder) = &mut self.transcoder else {
            return Ok(None);
        };
        let taken = transcoder.unit(unit, &mut self.made);
        if matches!(taken, Err(TranscodeError::Encode(_))) {
            self.transcoder = None;
        }
        let begun = self.pass_on()?;
        taken?;
        Ok(begun)
    }

    fn picture(&mut self, jpeg: &JpegFormat, unit: &AccessUnit) -> Result<Option<u64>, TrackError> {
        let transcoder = match &mut self.pictures {
            Some(transcoder) => transcoder,
            none => {
                self.announced = false;
                none.insert(PictureTranscoder::new(&self.coding, jpeg.width, jpeg.height)?)
            }
        };
        let taken = transcoder.unit(unit, &mut self.made);
        let begun = self.pass_on_pictures()?;
        if matches!(taken, Err(TranscodeError::Encode(_))) {
            self.pictures = None;
        }
        taken?;
        Ok(begun)
    }

    fn pass_on_pictures(&mut self) -> Result<Option<u64>, TrackError> {
        let format = self.pictures.as_ref().and_then(PictureTranscoder::format);
        if let Some(format) = format.filter(|_| !self.announced).cloned() {
            self.announce(format)?;
            self.announced = true;
        }
        let mut begun = None;
        for unit in std::mem::take(&mut self.made) {
            let started = self.give(&unit)?;
            begun = begun.or(started);
        }
        Ok(begun)
    }

    /// Packets were lost in front of the next unit.
    pub(super) fn lost(&mut self) {
        self.slicer.lost();
    }

    /// The stream has ended at `now_us`, or is not wanted any more.
    pub(super) fn interrupt(&mut self, now_us: i64) -> Result<(), TrackError> {
        let flushed = self.flush();
        self.slicer.last_until(now_us);
        self.slicer.interrupt()?;
        flushed
    }

    /// Time passes; see [`Slicer::tick`].
    pub(super) fn tick(&mut self, now_us: i64) -> Result<(), TrackError> {
        let end_us = self.transcoder.as_ref().and_then(Transcoder::end_us);
        let flushed = match end_us {
            Some(end_us) if now_us.saturating_sub(end_us) > LONGEST_HOLE_US => self.flush(),
            _ => Ok(()),
        };
        self.slicer.tick(now_us)?;
        flushed
    }

    /// Ends a stretch of what is coded anew; the next unit begins another one.
    fn flush(&mut self) -> Result<(), TrackError> {
        if let Some(pictures) = &mut self.pictures {
            let finished = pictures.finish(&mut self.made);
            let passed = self.pass_on_pictures();
            self.pictures = None;
            passed?;
            finished?;
        }
        let Some(transcoder) = self.transcoder.take() else {
            return Ok(());
        };
        let finished = transcoder.finish(&mut self.made);
        self.pass_on()?;
        Ok(finished?)
    }

    fn pass_on(&mut self) -> Result<Option<u64>, TrackError> {
        let mut begun = None;
        for unit in std::mem::take(&mut self.made) {
            // A stretch that follows closely on another one has its run-up where that one still sounds.
            if unit.pts_us < self.end_us {
                continue;
            }
            self.end_us = unit.pts_us.saturating_add(FRAME_US);
            let started = self.give(&unit)?;
            begun = begun.or(started);
        }
        Ok(begun)
    }
}

/// Whether transport streams carry a format so that HLS players take it.
fn is_carried(format: &Format) -> bool {
    match format {
        Format::Aac(aac) => aac.fits_adts(),
        // Browsers play no layer II.
        Format::Mpeg(mpeg) => mpeg.layer == 3,
        Format::Opus(_) | Format::Pcm(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
