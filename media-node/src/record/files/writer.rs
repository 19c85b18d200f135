use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use protocol::FileFormat;

use crate::media::{MediaError, Mp4Muxer, MuxedTrack};
use crate::spool::SpoolError;
use crate::stream::AccessUnit;

/// Why media is missing in the files.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("it cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Finish(#[from] crate::container::FinishError),
}

/// Writes one file so that what is written survives the process.
pub enum Writer {
    /// In fragments.
    Mp4(Mp4Muxer),
    /// Frames of sound that need nothing around them.
    Frames(File),
}

impl Writer {
    /// `start_us`: the time of the units with which the file begins.
    pub fn create(format: FileFormat, path: &Path, tracks: &[MuxedTrack], start_us: i64) -> Result<Self, FileError> {
        match format {
            FileFormat::Mp4 | FileFormat::M4a => Ok(Self::Mp4(Mp4Muxer::create(path, tracks, start_us)?)),
            FileFormat::Mp3 => Ok(Self::Frames(File::options().append(true).open(path)?)),
        }
    }

    pub fn write(&mut self, track: usize, unit: &AccessUnit) -> Result<(), FileError> {
        match self {
            Self::Mp4(muxer) => Ok(muxer.write(track, unit)?),
            Self::Frames(file) => Ok(file.write_all(&unit.data)?),
        }
    }

    pub fn finish(self) -> Result<(), FileError> {
        match self {
            Self::Mp4(muxer) => Ok(muxer.finish()?),
            Self::Frames(_) => Ok(()),
        }
    }
}
