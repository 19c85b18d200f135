use protocol::VpxContainer;

use super::mpegts::{MIN_MEDIA_US, MpegTsSlices};
use super::pieces::PieceSlices;
use super::writer::SliceWriter;
use crate::media::{MediaError, PieceFormat};
use crate::stream::{Format, VideoCodec};

/// What the slices of a playlist are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Container {
    #[default]
    MpegTs,
    WebM,
    /// In fragments.
    Mp4,
}

impl Container {
    /// That of the slices with this format, the first one of their tracks, behind slices in this one. A playlist that has MP4
    /// stays with it as far as it can: what initialises players for that holds for all that follows.
    pub fn next(self, format: &Format, vpx: VpxContainer) -> Self {
        match format.video_codec() {
            Some(VideoCodec::Vp8) if vpx != VpxContainer::Mp4 => Self::WebM,
            Some(VideoCodec::Vp9) if vpx == VpxContainer::Webm => Self::WebM,
            Some(VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::Av1) => Self::Mp4,
            Some(VideoCodec::H264 | VideoCodec::H265) if self == Self::Mp4 => Self::Mp4,
            // Motion JPEG is none that a slice is written in.
            Some(VideoCodec::H264 | VideoCodec::H265 | VideoCodec::Jpeg) | None => Self::MpegTs,
        }
    }

    /// That of a slice with this name.
    pub fn of_name(name: &str) -> Self {
        let all = [Self::MpegTs, Self::WebM, Self::Mp4];
        let extension = name.rsplit('.').next().unwrap_or_default();
        let named = all.into_iter().find(|container| container.extension() == extension);
        named.unwrap_or_default()
    }

    /// What the names of its files end with, behind a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
            Self::WebM => "webm",
            Self::Mp4 => "mp4",
        }
    }

    /// What its files are called over HTTP: the value of `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
            Self::WebM => "video/webm",
            Self::Mp4 => "video/mp4",
        }
    }

    /// Whether a slice with pictures has to begin with a keyframe. If not, one that goes on for too long is cut without.
    pub fn needs_keyframe(self) -> bool {
        match self {
            Self::MpegTs | Self::WebM | Self::Mp4 => false,
        }
    }

    /// The earliest time on the recording's timeline that a slice can carry, in microseconds.
    pub fn earliest_us(self) -> i64 {
        match self {
            Self::MpegTs | Self::WebM | Self::Mp4 => MIN_MEDIA_US,
        }
    }

    /// Begins a run. `formats`: those of its tracks; the first one is the track that slices are cut by.
    ///
    /// # Errors
    /// When the container cannot carry a format.
    pub fn begin(self, formats: &[Format]) -> Result<Box<dyn SliceWriter>, MediaError> {
        match self {
            Self::MpegTs => Ok(Box::new(MpegTsSlices::new(formats)?)),
            Self::WebM => Ok(Box::new(PieceSlices::new(PieceFormat::WebM, formats)?)),
            Self::Mp4 => Ok(Box::new(PieceSlices::new(PieceFormat::Mp4, formats)?)),
        }
    }
}
