use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use protocol::StreamName;

/// Longest application, channel or user name, in bytes after percent-decoding.
const MAX_SEGMENT_BYTES: usize = 255;

/// All but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where one stream of one user lives: `/{app}/{channel}/{uid}[/{stream}]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPath {
    pub app: String,
    pub channel: String,
    pub uid: String,
    pub stream: StreamName,
}

/// Why a path names no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path is not /app/channel/uid or /app/channel/uid/stream")]
    Shape,
    #[error(
        "a part of the path is empty, . or .., longer than 255 bytes, or contains a slash, a control character or invalid UTF-8"
    )]
    Segment,
    #[error("the stream is none of camera, low, screen, whiteboard, audio")]
    Stream,
}

impl StreamPath {
    /// Reads the percent-encoded path of a URL. One slash at its end is allowed.
    ///
    /// # Errors
    /// When the path does not name a stream.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let path = path.strip_prefix('/').ok_or(PathError::Shape)?;
        let mut segments = path.strip_suffix('/').unwrap_or(path).split('/');
        let mut segment = || segments.next().ok_or(PathError::Shape).and_then(decode_segment);
        let (app, channel, uid) = (segment()?, segment()?, segment()?);
        let stream = match segments.next() {
            None => StreamName::Camera,
            Some(name) => StreamName::from_path(name).ok_or(PathError::Stream)?,
        };
        match segments.next() {
            None => Ok(Self {
                app,
                channel,
                uid,
                stream,
            }),
            Some(_) => Err(PathError::Shape),
        }
    }

    /// Percent-encodes one segment of a path.
    pub fn encode_segment(segment: &str) -> impl fmt::Display + '_ {
        utf8_percent_encode(segment, SEGMENT)
    }

    /// The URL of this stream below `base`, for example `rtsp://host:8554`.
    pub fn url(&self, base: &str) -> String {
        format!("{}{self}", base.trim_end_matches('/'))
    }
}

/// The percent-encoded path, with its leading slash.
impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in [&self.app, &self.channel, &self.uid] {
            write!(f, "/{}", Self::encode_segment(segment))?;
        }
        match self.stream {
            StreamName::Camera => Ok(()),
            other => write!(f, "/{other}"),
        }
    }
}

fn decode_segment(encoded: &str) -> Result<String, PathError> {
    let decoded = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|_| PathError::Segment)?;
    check_segment(&decoded)?;
    Ok(decoded.into_owned())
}

fn check_segment(segment: &str) -> Result<(), PathError> {
    let fits = (1..=MAX_SEGMENT_BYTES).contains(&segment.len());
    let is_dots = matches!(segment, "." | "..");
    if fits && !is_dots && !segment.chars().any(|c| c == '/' || c.is_control()) {
        Ok(())
    } else {
        Err(PathError::Segment)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_camera_needs_no_name() {
        let expected = StreamPath {
            app: "app".into(),
            channel: "room 1".into(),
            uid: "42".into(),
            stream: StreamName::Camera,
        };
        for path in ["/app/room%201/42", "/app/room%201/42/", "/app/room%201/42/camera"] {
            assert_eq!(StreamPath::parse(path).as_ref(), Ok(&expected), "{path}");
        }
        assert_eq!(expected.url("rtsp://node:8554/"), "rtsp://node:8554/app/room%201/42");
    }

    #[test]
    fn what_names_no_stream_is_refused() {
        let long = format!("/a/b/{}", "x".repeat(256));
        for (path, error) in [
            ("", PathError::Shape),
            ("a/b/c", PathError::Shape),
            ("/a/b", PathError::Shape),
            ("/a/b/c/low/extra", PathError::Shape),
            ("/a//c", PathError::Segment),
            ("/a/b/%2F", PathError::Segment),
            ("/a/b/%00", PathError::Segment),
            ("/../b/c", PathError::Segment),
            ("/a/%2e%2E/c", PathError::Segment),
            ("/a/b/.", PathError::Segment),
            ("/a/b%2Fc/d", PathError::Segment),
            ("/a/b/%FF", PathError::Segment),
            (&long, PathError::Segment),
            ("/a/b/c/LOW", PathError::Stream),
        ] {
            assert_eq!(StreamPath::parse(path), Err(error), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_path_survives_its_own_url(app in "[^/\\p{Cc}]{1,20}", channel in "[^/\\p{Cc}]{1,20}", uid in "[^/\\p{Cc}]{1,20}", stream in 0usize..5) {
            let path = StreamPath { app, channel, uid, stream: StreamName::ALL[stream] };
            let url = url::Url::parse(&path.url("rtsp://h:1")).unwrap();
            // URLs lose dot segments, which name nothing.
            if ![&path.app, &path.channel, &path.uid].iter().any(|s| *s == "." || *s == "..") {
                prop_assert_eq!(StreamPath::parse(url.path()), Ok(path));
            }
        }

        #[test]
        fn no_path_panics(path in "\\PC*") {
            let _ = StreamPath::parse(&path);
        }
    }
}
