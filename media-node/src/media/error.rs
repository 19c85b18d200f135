use std::borrow::Cow;

use crate::stream::NotDecoded;

/// What FFmpeg refused to do, with its own words, or what it was not asked to.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("FFmpeg cannot {action}: {source}")]
    Failed {
        action: Cow<'static, str>,
        source: ffmpeg_next::Error,
    },
    /// A stream that asks for more than is given to one.
    #[error("the stream {0}")]
    NotDecoded(#[from] NotDecoded),
    /// An image of more pixels than are decoded.
    #[error("the image has {width}×{height} pixels, and at most {limit} are decoded")]
    LargeImage { width: u32, height: u32, limit: u64 },
}

impl MediaError {
    pub(super) fn new(action: impl Into<Cow<'static, str>>, source: ffmpeg_next::Error) -> Self {
        Self::Failed {
            action: action.into(),
            source,
        }
    }

    /// For a result that FFmpeg's documentation rules out.
    pub fn unexpected(action: &'static str) -> Self {
        Self::new(action, ffmpeg_next::Error::Bug)
    }

    pub(super) fn during(action: &'static str) -> impl FnOnce(ffmpeg_next::Error) -> Self {
        move |source| Self::new(action, source)
    }
}
