//! Images made by hand, and what a test says where the machine lacks what it needs.

use std::io::Write;

/// A BMP image of 24 bits, all of one colour (blue, green, red).
pub fn bmp(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let row = (width as usize * 3).next_multiple_of(4);
    let mut data = b"BM".to_vec();
    for field in [
        54 + (row as u32 * height),
        0,
        54,
        40,
        width,
        height,
        1 | 24 << 16,
        0,
        0,
        0,
        0,
        0,
        0,
    ] {
        data.extend_from_slice(&field.to_le_bytes());
    }
    for _ in 0..height {
        let mut line = colour.repeat(width as usize);
        line.resize(row, 0);
        data.extend(line);
    }
    data
}

/// Says that the test that calls proves nothing on this machine. It goes past the test harness, which hides what a test
/// that passes prints.
pub fn skipped(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    writeln!(std::io::stderr(), "skipped: {reason} ({test})").unwrap();
}

/// An encoder of FFmpeg by its name; where FFmpeg was built without it, the test is [skipped].
pub fn encoder(name: &str) -> Option<ffmpeg_next::Codec> {
    super::init().unwrap();
    let codec = ffmpeg_next::encoder::find_by_name(name);
    if codec.is_none() {
        skipped(&format!("FFmpeg has no {name} encoder"));
    }
    codec
}
