//! The whole files of one user: picture and sound in one MP4 file after the other, copied where MP4 carries them, and the sound
//! alone as M4A or MP3.

use std::sync::Arc;

use protocol::{FileFormat, TrackKind};

use super::in_order::InOrder;
use super::sound_files::{SoundFiles, frame_us};
use super::track_slicer::Tapped;
use super::transcode::TranscodeError;
use crate::container::RecordingNames;
use crate::media::MuxedTrack;
use crate::record::files::{Begins, Keeper, Limits, Series, Target};
use crate::stream::{AccessUnit, Format, Track};

/// How long the last picture of a file is shown: how long it was meant to be is not known.
const PICTURE_US: i64 = 40_000;

/// The whole files that are asked for of each user.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) keeper: Arc<Keeper>,
    pub(super) formats: Vec<FileFormat>,
    pub(super) limits: Limits,
}

/// A user's whole files, as they are written.
pub(super) struct UserFiles {
    both: Option<BothFiles>,
    sound: Vec<SoundFiles>,
}

impl UserFiles {
    pub(super) fn new(wanted: &Wanted, names: &RecordingNames, uid: &str) -> Self {
        let series = |format| {
            let track = match format {
                FileFormat::Mp4 => TrackKind::Both,
                FileFormat::M4a | FileFormat::Mp3 => TrackKind::Audio,
            };
            let target = Target {
                format,
                uid: uid.to_owned(),
                track,
                names: names.user(uid, track),
            };
            Series::new(wanted.keeper.clone(), target, wanted.limits, Begins::AtAnything)
        };
        let floor_us = wanted.keeper.end_us(uid);
        let has = |format| wanted.formats.contains(&format).then(|| series(format));
        let sound = [FileFormat::M4a, FileFormat::Mp3].into_iter();
        Self {
            both: has(FileFormat::Mp4).map(|series| BothFiles::new(series, floor_us)),
            sound: sound
                .filter_map(|format| Some(SoundFiles::new(format, has(format)?, floor_us)))
                .collect(),
        }
    }

    /// Takes what a track is written as. Returns the wall-clock time of a file's start when one begins with it, Unix milliseconds.
    pub(super) fn take(&mut self, track: Track, tapped: Vec<Tapped>) -> Option<u64> {
        let both = self.both.as_mut()?;
        for tapped in tapped {
            match tapped {
                Tapped::Format(format) => both.format(track, format),
                Tapped::Unit(unit) => both.unit(track, unit),
            }
        }
        both.write(None)
    }

    /// The user's sound is of this format from here on, as it is sent.
    pub(super) fn sent_format(&mut self, format: &Format) -> Result<(), TranscodeError> {
        let mut result = Ok(());
        for files in &mut self.sound {
            result = result.and(files.format(format));
        }
        result
    }

    /// The next unit of sound as it is sent; returns as [`take`](Self::take) does.
    pub(super) fn sent(&mut self, unit: &AccessUnit) -> Result<Option<u64>, TranscodeError> {
        let mut result = Ok(None);
        for files in &mut self.sound {
            let begun = files.unit(unit);
            result = match (result, begun) {
                (Ok(before), Ok(begun)) => Ok(before.or(begun)),
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
        }
        result
    }

    /// Nothing comes of a track for now.
    pub(super) fn interrupt(&mut self, track: Track) -> Result<(), TranscodeError> {
        if let Some(both) = &mut self.both {
            both.interrupt(track);
        }
        let mut result = Ok(());
        for files in self.sound.iter_mut().filter(|_| track == Track::Audio) {
            result = result.and(files.interrupt());
        }
        result
    }

    /// Time passes; returns as [`take`](Self::take) does.
    pub(super) fn tick(&mut self, now_us: i64) -> Option<u64> {
        self.both.as_mut()?.write(Some(now_us))
    }

    /// A format of pictures that goes into no MP4 file, which has to be told.
    pub(super) fn leaves_out(&self, format: &Format) -> bool {
        self.both.is_some() && !is_carried(format)
    }
}

/// Whether MP4 files carry a format so that they are played; of sound what does not is made AAC before.
fn is_carried(format: &Format) -> bool {
    match format {
        Format::H264(_) | Format::H265(_) => !format.annex_b().is_empty(),
        Format::Vp9(_) | Format::Av1(_) | Format::Aac(_) | Format::Mpeg(_) => true,
        Format::Vp8(_) | Format::Jpeg(_) | Format::Opus(_) | Format::Pcm(_) => false,
    }
}

/// MP4 files with picture and sound.
struct BothFiles {
    series: Series,
    /// The formats of what comes.
    video: Option<Format>,
    audio: Option<Format>,
    /// The tracks of the file are others from here on.
    changed: bool,
    order: InOrder,
    /// What is recorded already ends there,
    floor_us: i64,
    /// and these are the last decoding times in it, of picture and sound.
    last_us: [i64; 2],
    active: [bool; 2],
}

impl BothFiles {
    fn new(series: Series, floor_us: Option<i64>) -> Self {
        Self {
            series,
            video: None,
            audio: None,
            changed: false,
            order: InOrder::default(),
            floor_us: floor_us.unwrap_or(i64::MIN),
            last_us: [i64::MIN; 2],
            active: [false; 2],
        }
    }

    fn format(&mut self, track: Track, format: Format) {
        let format = Some(format).filter(is_carried);
        let known = match track {
            Track::Video => &self.video,
            Track::Audio => &self.audio,
        };
        if *known == format {
            return;
        }
        // What is of the formats before goes where it belongs, but for what no file has been begun with yet.
        if self.series.is_open() {
            self.write_all();
            self.series.close();
        }
        match track {
            Track::Video => self.video = format,
            Track::Audio => self.audio = format,
        }
        self.changed = true;
    }

    fn unit(&mut self, track: Track, unit: AccessUnit) {
        let is_known = match track {
            Track::Video => self.video.is_some(),
            Track::Audio => self.audio.is_some(),
        };
        let Some(last_us) = self.last_us.get_mut(track as usize) else {
            return;
        };
        if !is_known || unit.data.is_empty() || unit.dts_us <= *last_us || unit.pts_us < self.floor_us {
            return;
        }
        *last_us = unit.dts_us;
        if let Some(active) = self.active.get_mut(track as usize) {
            *active = true;
        }
        self.order.push(track, unit);
    }

    /// Writes what need not wait any more.
    fn write(&mut self, now_us: Option<i64>) -> Option<u64> {
        let mut begun = None;
        while let Some((track, unit)) = self.order.pop(now_us) {
            let started = self.put(track, &unit);
            begun = begun.or(started);
        }
        begun
    }

    fn write_all(&mut self) {
        while let Some((track, unit)) = self.order.pop_any() {
            self.put(track, &unit);
        }
    }

    fn put(&mut self, track: Track, unit: &AccessUnit) -> Option<u64> {
        if std::mem::take(&mut self.changed) {
            let tracks = [(&self.video, PICTURE_US), (&self.audio, frame_us(self.audio.as_ref()))];
            let track = |(format, duration_us): (&Option<Format>, i64)| {
                let format = format.clone()?;
                Some(MuxedTrack { format, duration_us })
            };
            self.series.begin(tracks.into_iter().filter_map(track).collect());
        }
        let number = match track {
            Track::Video => 0,
            Track::Audio => usize::from(self.video.is_some()),
        };
        self.series.unit(number, unit)
    }

    /// A file ends when neither picture nor sound comes.
    fn interrupt(&mut self, track: Track) {
        if let Some(active) = self.active.get_mut(track as usize) {
            *active = false;
        }
        if self.active == [false; 2] {
            self.write_all();
            self.series.close();
        }
    }
}

#[cfg(test)]
mod tests;
