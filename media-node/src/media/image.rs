use ffmpeg_next::codec::{Context, Id, decoder};
use ffmpeg_next::{Error, Packet, frame};

use super::{Crop, MediaError, Picture, Scaler};

/// Images of so many pixels are decoded whatever the canvas: those of usual cameras. Four times what the canvas has are,
/// too, up to the most.
const USUAL_PIXELS: u64 = 24 << 20;
const MOST_PIXELS: u64 = 64 << 20;

/// A progressive JPEG goes over all of its pixels in each of its scans. Encoders make some ten.
const MOST_SCANS: usize = 100;

/// A picture that is made of an image has at most so many.
const KEPT_PIXELS: f64 = 8e6;

/// Decodes a JPEG or BMP image into planar YUV 4:2:0, scaled down to what covers `width` × `height`. A side of odd length
/// loses its last line. One that is not worth decoding for that size is refused by its header.
pub fn decode_image(data: &[u8], width: u32, height: u32) -> Result<Picture, MediaError> {
    let limit = (u64::from(width) * u64::from(height))
        .saturating_mul(4)
        .clamp(USUAL_PIXELS, MOST_PIXELS);
    let (id, name, header) = match data {
        [0xff, 0xd8, ..] => (Id::MJPEG, "JPEG", Header::of_jpeg(data)),
        [b'B', b'M', ..] => (Id::BMP, "BMP", Header::of_bmp(data)),
        _ => {
            return Err(MediaError::new(
                "read this image: it is neither JPEG nor BMP",
                Error::InvalidData,
            ));
        }
    };
    let failed = |error| MediaError::new(format!("read this {name} image"), error);
    let header = header.ok_or_else(|| failed(Error::InvalidData))?;
    if header.pixels() > limit {
        let Header { width, height, .. } = header;
        return Err(MediaError::LargeImage { width, height, limit });
    }
    if header.scans > MOST_SCANS {
        return Err(failed(Error::InvalidData));
    }
    let codec = decoder::find(id).ok_or_else(|| failed(Error::DecoderNotFound))?;
    let mut context = Context::new_with_codec(codec);
    // SAFETY: a plain field of a context that is not open.
    unsafe { (*context.as_mut_ptr()).max_pixels = limit as i64 }
    let mut decoder = context.decoder().video().map_err(failed)?;
    decoder.send_packet(&Packet::copy(data)).map_err(failed)?;
    decoder.send_eof().map_err(failed)?;
    let mut decoded = frame::Video::empty();
    decoder.receive_frame(&mut decoded).map_err(failed)?;
    let decoded = Picture(decoded);
    let upright = decoded.upright_size();
    let whole = Crop {
        x: 0,
        y: 0,
        width: upright.0 & !1,
        height: upright.1 & !1,
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

/// What an image's header says before anything is decoded.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    width: u32,
    height: u32,
    scans: usize,
}

impl Header {
    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// ITU-T T.81, annex B: the largest of the frames, and the scans of all.
    fn of_jpeg(data: &[u8]) -> Option<Self> {
        const START_OF_SCAN: u8 = 0xda;
        let mut header = Self::default();
        let mut rest = data;
        while let Some(at) = rest
            .windows(2)
            .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))
        {
            let marker = rest[at + 1];
            rest = &rest[at + 2..];
            // Those without a segment: restarts, the image's start and end, a private one.
            if matches!(marker, 0x01 | 0xd0..=0xd9) {
                continue;
            }
            let [high, low, ..] = rest else { break };
            let segment = rest.get(2..usize::from(u16::from_be_bytes([*high, *low])))?;
            // Start of a frame of any coding; the others there are tables.
            if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                let &[_, high, low, wide, narrow, ..] = segment else {
                    return None;
                };
                let frame = Self {
                    width: u32::from(u16::from_be_bytes([wide, narrow])),
                    height: u32::from(u16::from_be_bytes([high, low])),
                    scans: 0,
                };
                if frame.pixels() > header.pixels() {
                    (header.width, header.height) = (frame.width, frame.height);
                }
            }
            header.scans += usize::from(marker == START_OF_SCAN);
            rest = &rest[segment.len() + 2..];
        }
        (header.pixels() > 0).then_some(header)
    }

    /// With a header of 12 bytes, which has sides of 16 bits, or with a longer one.
    fn of_bmp(data: &[u8]) -> Option<Self> {
        const SHORT: u32 = 12;
        let four = |at: usize| Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?));
        let two = |at: usize| Some(u32::from(u16::from_le_bytes(*data.get(at..)?.first_chunk()?)));
        let (width, height) = match four(14)? {
            SHORT => (two(18)?, two(20)?),
            // A negative height begins at the top.
            _ => (four(18)?, four(22)?.cast_signed().unsigned_abs()),
        };
        Some(Self {
            width,
            height,
            scans: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::encode_jpeg;
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
        for other in [&b"GIF89a"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 ", b""] {
            assert!(decode_image(other, 64, 64).is_err());
        }
        assert!(decode_image(&[0xff, 0xd8, 0xff, 0xe0, 0, 0], 64, 64).is_err());
        assert!(decode_image(&bmp(60_000, 1, [0; 3])[..60], 64, 64).is_err());
        let mut huge = bmp(2, 2, [0; 3]);
        huge[18..22].copy_from_slice(&100_000u32.to_le_bytes());
        huge[22..26].copy_from_slice(&100_000u32.to_le_bytes());
        assert!(decode_image(&huge, 64, 64).is_err());
    }

    fn refused(data: &[u8], width: u32, height: u32) -> String {
        decode_image(data, width, height).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_jpeg_of_too_many_pixels_is_refused_by_its_header() {
        super::super::init().unwrap();
        let mut small = encode_jpeg(&Picture::new(64, 64).unwrap()).unwrap();
        let frame = small.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        // 20000 × 20000, as a picture of one colour would have in some 50 KB.
        small[frame + 5..frame + 9].copy_from_slice(&[0x4e, 0x20, 0x4e, 0x20]);
        assert_eq!(
            refused(&small, 640, 360),
            "the image has 20000×20000 pixels, and at most 25165824 are decoded"
        );
        assert!(refused(&small, 4096, 4096).contains("67108864"));
    }

    #[test]
    fn a_run_length_bitmap_of_too_many_pixels_is_refused_by_its_header() {
        super::super::init().unwrap();
        let mut bomb = bmp(2, 2, [0; 3]);
        bomb[18..22].copy_from_slice(&20_000u32.to_le_bytes());
        bomb[22..26].copy_from_slice(&(-20_000i32).to_le_bytes());
        bomb[30..34].copy_from_slice(&1u32.to_le_bytes());
        assert!(refused(&bomb, 640, 360).contains("20000×20000"));
    }

    #[test]
    fn a_jpeg_that_goes_over_its_pixels_again_and_again_is_refused() {
        super::super::init().unwrap();
        let image = encode_jpeg(&Picture::new(64, 64).unwrap()).unwrap();
        let scan = image.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        let (head, scans) = image.split_at(scan);
        let bomb = [head, &scans[..scans.len() - 2].repeat(1000)].concat();
        assert!(decode_image(&bomb, 64, 64).is_err());
        assert!(decode_image(&image, 64, 64).is_ok());
    }
}
