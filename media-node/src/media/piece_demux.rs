use std::ffi::OsString;
use std::path::Path;

use ffmpeg_next::{Packet, Rational, format};

use super::MediaError;

/// One coded unit of a file of pieces.
#[derive(Clone, Copy, Debug)]
pub struct PieceUnit {
    /// In ticks of 90 kHz.
    pub pts: i64,
    pub dts: i64,
    /// Where it stands, in bytes from the file's start.
    pub offset: u64,
}

/// The units of a file of pieces with one track, in the order of the file. `end`: where its last whole piece ends, in bytes; what is
/// behind that is not looked at, since a part of a piece may keep FFmpeg from opening the file.
pub fn piece_units(path: &Path, end: u64) -> Result<Vec<PieceUnit>, MediaError> {
    let mut part = OsString::from(format!("subfile,,start,0,end,{end},,:"));
    part.push(path);
    let mut input = format::input(&part).map_err(MediaError::during("open this file"))?;
    let mut units = Vec::new();
    let mut packet = Packet::empty();
    while packet.read(&mut input).is_ok() {
        if let Some(stream) = input.stream(packet.stream()) {
            packet.rescale_ts(stream.time_base(), Rational(1, 90_000));
        }
        if let (Some(pts), Ok(offset)) = (packet.pts(), u64::try_from(packet.position())) {
            let dts = packet.dts().unwrap_or(pts);
            units.push(PieceUnit { pts, dts, offset });
        }
        packet = Packet::empty();
    }
    Ok(units)
}
