use std::path::Path;

use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Error, Packet, format, media};

use super::MediaError;
use crate::stream::Track;

/// Ticks of the clock after which MPEG-TS times begin anew.
const WRAP: i64 = 1 << 33;

/// One coded unit of a transport stream.
#[derive(Clone, Debug)]
pub struct DemuxedUnit {
    pub track: Track,
    /// In ticks of 90 kHz, relative to the first unit of the file; may be negative for what is shown before it.
    pub pts: i64,
    pub dts: i64,
    #[cfg(test)]
    pub keyframe: bool,
    /// Where the TS packet stands in which the unit begins, in bytes from the file's start. Absent for an audio frame
    /// that shares its PES packet with the one before of its track.
    pub offset: Option<u64>,
    #[cfg(test)]
    pub data: Vec<u8>,
}

/// Reads a transport stream with one elementary stream or one of each kind, also one that is cut off anywhere.
pub struct TsDemuxer {
    input: Input,
    /// Times of the first unit, absolute.
    origin: Option<i64>,
}

impl TsDemuxer {
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let input = format::input(path).map_err(MediaError::during("open this file"))?;
        if input.format().name() != "mpegts" {
            return Err(MediaError::new("find MPEG-TS in this file", Error::InvalidData));
        }
        Ok(Self { input, origin: None })
    }

    /// The next unit, in decoding order for each track, `None` behind the last. Packets without times are passed over.
    pub fn next_unit(&mut self) -> Result<Option<DemuxedUnit>, MediaError> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) => {}
                Err(Error::Eof) => return Ok(None),
                Err(Error::InvalidData) => continue,
                Err(error) => return Err(MediaError::new("read this file", error)),
            }
            let Some(pts) = packet.pts() else { continue };
            let dts = packet.dts().unwrap_or(pts);
            let origin = *self.origin.get_or_insert(pts);
            let medium = self
                .input
                .stream(packet.stream())
                .map(|stream| stream.parameters().medium());
            return Ok(Some(DemuxedUnit {
                track: if medium == Some(media::Type::Video) {
                    Track::Video
                } else {
                    Track::Audio
                },
                pts: signed_distance(origin, pts),
                dts: signed_distance(origin, dts),
                #[cfg(test)]
                keyframe: packet.is_key(),
                offset: u64::try_from(packet.position()).ok(),
                #[cfg(test)]
                data: packet.data().unwrap_or_default().to_vec(),
            }));
        }
    }
}

/// From one time to another on a clock that wraps.
fn signed_distance(from: i64, to: i64) -> i64 {
    (to - from + WRAP / 2).rem_euclid(WRAP) - WRAP / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_cross_the_wrap() {
        assert_eq!(signed_distance(WRAP - 10, 20), 30);
        assert_eq!(signed_distance(20, WRAP - 10), -30);
        assert_eq!(signed_distance(900_000, 903_600), 3600);
    }
}
