//! Images made by hand.

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
