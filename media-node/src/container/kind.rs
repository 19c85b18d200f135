use super::mpegts::{MIN_MEDIA_US, MpegTsSlices};
use super::writer::SliceWriter;
use crate::media::MediaError;
use crate::stream::Format;

/// What the slices of a playlist are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Container {
    #[default]
    MpegTs,
}

impl Container {
    /// What the names of its files end with, behind a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
        }
    }

    /// What its files are called over HTTP: the value of `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
        }
    }

    /// Whether a slice with pictures has to begin with a keyframe. If not, one that goes on for too long is cut without.
    pub fn needs_keyframe(self) -> bool {
        match self {
            Self::MpegTs => false,
        }
    }

    /// The earliest time on the recording's timeline that a slice can carry, in microseconds.
    pub fn earliest_us(self) -> i64 {
        match self {
            Self::MpegTs => MIN_MEDIA_US,
        }
    }

    /// Begins a run. `formats`: those of its tracks; the first one is the track that slices are cut by.
    ///
    /// # Errors
    /// When the container cannot carry a format.
    pub fn begin(self, formats: &[Format]) -> Result<Box<dyn SliceWriter>, MediaError> {
        match self {
            Self::MpegTs => Ok(Box::new(MpegTsSlices::new(formats)?)),
        }
    }
}
