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

/// The units of a file of pieces with one track, in the order of the file, up to where it was cut off.
pub fn piece_units(path: &Path) -> Result<Vec<PieceUnit>, MediaError> {
    let mut input = format::input(path).map_err(MediaError::during("open this file"))?;
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
