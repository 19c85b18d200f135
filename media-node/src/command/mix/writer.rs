use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::container;
use crate::media::{Mp4Brand, Mp4Muxer, MuxedTrack, TsMuxer, TsUnit, move_index_to_front};
use crate::mix::{Mixer, Output};
use crate::stream::{AccessUnit, Format};

/// Creates the file when the formats of all its tracks are known.
pub(super) struct Writer {
    path: PathBuf,
    mp4: bool,
    file: Option<OutputFile>,
    audio_track: usize,
    waiting: Vec<Output>,
}

enum OutputFile {
    Ts(TsMuxer, BufWriter<File>),
    Mp4(Mp4Muxer),
}

impl OutputFile {
    fn write(&mut self, track: usize, unit: &AccessUnit) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Ts(muxer, file) => {
                let (pts, dts) = (container::to_ticks(unit.pts_us), container::to_ticks(unit.dts_us));
                let unit = TsUnit {
                    track,
                    pts,
                    dts,
                    data: &unit.data,
                    keyframe: unit.keyframe,
                };
                file.write_all(&muxer.write(unit)?)?;
            }
            Self::Mp4(muxer) => muxer.write(track, unit)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Ts(mut muxer, mut file) => {
                file.write_all(&muxer.flush()?)?;
                file.flush()?;
            }
            Self::Mp4(muxer) => muxer.finish()?,
        }
        Ok(())
    }
}

impl Writer {
    pub(super) fn new(path: &Path) -> Result<Self, String> {
        let mp4 = match path.extension().and_then(|extension| extension.to_str()) {
            Some("ts") => false,
            Some("mp4") => true,
            _ => return Err("--out must end in .ts or .mp4".to_owned()),
        };
        Ok(Self {
            path: path.to_owned(),
            mp4,
            file: None,
            audio_track: 0,
            waiting: Vec::new(),
        })
    }

    pub(super) fn write(&mut self, mixer: &Mixer, output: Output) -> Result<(), String> {
        self.waiting.push(output);
        if self.file.is_none() {
            let Some(tracks) = mixer.tracks() else { return Ok(()) };
            self.audio_track = tracks.len() - 1;
            self.file = Some(self.create(&tracks)?);
        }
        for output in std::mem::take(&mut self.waiting) {
            let track = match output {
                Output::Video(_) => 0,
                Output::Audio(_) => self.audio_track,
                Output::Mp3(_) => continue,
            };
            let written = self
                .file
                .as_mut()
                .map_or(Ok(()), |file| file.write(track, output.unit()));
            written.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn create(&self, tracks: &[MuxedTrack]) -> Result<OutputFile, String> {
        if self.mp4 {
            let muxer = Mp4Muxer::create(&self.partial(), tracks, 0).map_err(|error| self.failed(error))?;
            return Ok(OutputFile::Mp4(muxer));
        }
        let formats: Vec<Format> = tracks.iter().map(|track| track.format.clone()).collect();
        let muxer = TsMuxer::new(&formats).map_err(|error| self.failed(error))?;
        let file = File::create(&self.path).map_err(|error| self.failed(error))?;
        Ok(OutputFile::Ts(muxer, BufWriter::new(file)))
    }

    /// The path of an MP4 recording until it is finished.
    fn partial(&self) -> PathBuf {
        self.path.with_extension("mp4.part")
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        let file = self.file.take().ok_or_else(|| self.failed("nothing could be mixed"))?;
        file.finish().map_err(|error| self.failed(error))?;
        if self.mp4 {
            move_index_to_front(&self.partial(), &self.path, Mp4Brand::Mp4).map_err(|error| self.failed(error))?;
            std::fs::remove_file(self.partial()).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn failed(&self, error: impl Display) -> String {
        format!("{}: {error}", self.path.display())
    }
}
