use ffmpeg_next::codec::{Context, Id, decoder};
use ffmpeg_next::{Error, Packet, frame};

use super::scale::{Crop, Scaler};
use super::{MediaError, Picture};

/// Larger images, in pixels, are refused.
const MAX_PIXELS: i64 = 64 << 20;

/// Decodes a JPEG or BMP image into planar YUV 4:2:0. A side of odd length loses its last line.
pub fn decode_image(data: &[u8]) -> Result<Picture, MediaError> {
    let (id, name) = match data {
        [0xff, 0xd8, ..] => (Id::MJPEG, "JPEG"),
        [b'B', b'M', ..] => (Id::BMP, "BMP"),
        _ => {
            return Err(MediaError::new(
                "read this image: it is neither JPEG nor BMP",
                Error::InvalidData,
            ));
        }
    };
    let failed = |error| MediaError::new(format!("read this {name} image"), error);
    let codec = decoder::find(id).ok_or_else(|| failed(Error::DecoderNotFound))?;
    let mut context = Context::new_with_codec(codec);
    // SAFETY: a plain field of a context that is not open.
    unsafe { (*context.as_mut_ptr()).max_pixels = MAX_PIXELS }
    let mut decoder = context.decoder().video().map_err(failed)?;
    decoder.send_packet(&Packet::copy(data)).map_err(failed)?;
    decoder.send_eof().map_err(failed)?;
    let mut decoded = frame::Video::empty();
    decoder.receive_frame(&mut decoded).map_err(failed)?;
    let decoded = Picture(decoded);
    let (width, height) = (decoded.width() & !1, decoded.height() & !1);
    if width == 0 || height == 0 {
        return Err(failed(Error::InvalidData));
    }
    let mut picture = Picture::new(width, height)?;
    Scaler::default().scale(
        &decoded,
        Crop {
            x: 0,
            y: 0,
            width,
            height,
        },
        &mut picture,
    )?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A BMP image of 24 bits, all of one colour (blue, green, red).
    fn bmp(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
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

    #[test]
    fn a_bitmap_has_its_size_and_colour() {
        super::super::init().unwrap();
        let picture = decode_image(&bmp(31, 20, [0, 0, 255])).unwrap();
        assert_eq!((picture.width(), picture.height()), (30, 20));
        let levels = [0, 1, 2].map(|index| picture.plane(index).row(5)[7]);
        assert!(
            levels
                .iter()
                .zip([81u8, 90, 240])
                .all(|(found, red)| found.abs_diff(red) < 4),
            "{levels:?}"
        );
    }

    #[test]
    fn what_is_no_image_is_refused() {
        super::super::init().unwrap();
        assert!(decode_image(b"GIF89a").is_err());
        assert!(decode_image(&[0xff, 0xd8, 0xff, 0xe0, 0, 0]).is_err());
        assert!(decode_image(&bmp(60_000, 1, [0; 3])[..60]).is_err());
        let mut huge = bmp(2, 2, [0; 3]);
        huge[18..22].copy_from_slice(&100_000u32.to_le_bytes());
        huge[22..26].copy_from_slice(&100_000u32.to_le_bytes());
        assert!(decode_image(&huge).is_err());
    }
}
