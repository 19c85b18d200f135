use ffmpeg_next::codec::{Context, Id, decoder};
use ffmpeg_next::{Error, Packet, frame};

use super::{Crop, MediaError, Picture, Scaler};

/// Larger images, in pixels, are refused.
const MAX_PIXELS: i64 = 64 << 20;

/// A picture that is made of an image has at most so many.
const KEPT_PIXELS: f64 = 8e6;

/// Decodes a JPEG or BMP image into planar YUV 4:2:0, scaled down to what covers `width` × `height`. A side of odd length
/// loses its last line.
pub fn decode_image(data: &[u8], width: u32, height: u32) -> Result<Picture, MediaError> {
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
    let whole = Crop {
        x: 0,
        y: 0,
        width: decoded.width() & !1,
        height: decoded.height() & !1,
    };
    if whole.width == 0 || whole.height == 0 {
        return Err(failed(Error::InvalidData));
    }
    let [across, down] = [whole.width, whole.height].map(f64::from);
    let covering = (f64::from(width) / across).max(f64::from(height) / down);
    let factor = covering.min((KEPT_PIXELS / (across * down)).sqrt()).min(1.0);
    let [across, down] = [across, down].map(|side| ((side * factor / 2.0).ceil() as u32 * 2).max(2));
    let mut picture = Picture::new(across, down)?;
    Scaler::default().scale(&decoded, whole, &mut picture)?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::bmp;

    #[test]
    fn a_bitmap_has_its_size_and_colour() {
        super::super::init().unwrap();
        let picture = decode_image(&bmp(31, 20, [0, 0, 255]), 64, 64).unwrap();
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
    fn a_larger_one_is_scaled_down_to_what_covers_the_canvas() {
        super::super::init().unwrap();
        let size = |width, height| {
            let picture = decode_image(&bmp(400, 200, [0; 3]), width, height).unwrap();
            (picture.width(), picture.height())
        };
        assert_eq!(size(100, 100), (200, 100));
        assert_eq!(size(300, 10), (300, 150));
        assert_eq!(size(1000, 10), (400, 200));
        let long = decode_image(&bmp(12_000, 1000, [0; 3]), 4096, 4096).unwrap();
        assert!((7_900_000..8_020_000).contains(&(long.width() * long.height())));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        super::super::init().unwrap();
        assert!(decode_image(b"GIF89a", 64, 64).is_err());
        assert!(decode_image(&[0xff, 0xd8, 0xff, 0xe0, 0, 0], 64, 64).is_err());
        assert!(decode_image(&bmp(60_000, 1, [0; 3])[..60], 64, 64).is_err());
        let mut huge = bmp(2, 2, [0; 3]);
        huge[18..22].copy_from_slice(&100_000u32.to_le_bytes());
        huge[22..26].copy_from_slice(&100_000u32.to_le_bytes());
        assert!(decode_image(&huge, 64, 64).is_err());
    }
}
