use std::borrow::Cow;

/// What FFmpeg refused to do, with its own words.
#[derive(Debug, thiserror::Error)]
#[error("FFmpeg cannot {action}: {source}")]
pub struct MediaError {
    action: Cow<'static, str>,
    source: ffmpeg_next::Error,
}

impl MediaError {
    pub(super) fn new(action: impl Into<Cow<'static, str>>, source: ffmpeg_next::Error) -> Self {
        Self {
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
