use ffmpeg_next::codec::{self, Id, threading};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::Flags;
use ffmpeg_next::{Error, Packet, Rational, color, encoder, ffi, frame};

use super::scale::{Context, Conversion};
use super::{MediaError, Picture};

/// The quantizer, from 2 (best) to 31: at 3 a picture of a camera shows no blocks.
const QUANTIZER: i32 = 3;

/// A picture as a baseline JPEG file (JFIF) of the same size and sample aspect, 4:2:0. JFIF knows full range and the
/// matrix of BT.601 only, so that colours of another range or matrix are converted; a stream that tells neither has
/// limited range and BT.601.
pub fn encode_jpeg(picture: &Picture) -> Result<Vec<u8>, MediaError> {
    let failed = |error| MediaError::new("encode a JPEG picture", error);
    let full = in_full_range(picture)?;
    let codec = encoder::find(Id::MJPEG).ok_or_else(|| failed(Error::EncoderNotFound))?;
    let mut context = codec::Context::new_with_codec(codec);
    context.set_flags(codec::Flags::BITEXACT | codec::Flags::QSCALE);
    context.set_threading(threading::Config {
        count: 1,
        ..Default::default()
    });
    let mut video = context.encoder().video().map_err(failed)?;
    video.set_width(full.width());
    video.set_height(full.height());
    video.set_format(Pixel::YUVJ420P);
    video.set_aspect_ratio(picture.0.aspect_ratio());
    video.set_time_base(Rational(1, 1));
    // SAFETY: plain fields of a context that is not open.
    unsafe {
        (*video.as_mut_ptr()).color_range = color::Range::JPEG.into();
        (*video.as_mut_ptr()).global_quality = full_quality();
    }
    let mut encoder = video.open_as(codec).map_err(failed)?;
    encoder.send_frame(&full).map_err(failed)?;
    encoder.send_eof().map_err(failed)?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(failed)?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

fn full_quality() -> i32 {
    QUANTIZER * ffi::FF_QP2LAMBDA
}

fn in_full_range(picture: &Picture) -> Result<frame::Video, MediaError> {
    let source = &picture.0;
    let (width, height) = (source.width(), source.height());
    let mut full = frame::Video::new(Pixel::YUV420P, width, height);
    if full.planes() < 3 {
        let action = format!("allocate a picture of {width}×{height}");
        return Err(MediaError::new(action, Error::Other { errno: ffi::ENOMEM }));
    }
    let conversion = conversion(
        picture.format(),
        picture.is_full_range(),
        source.color_space(),
        (width, height),
    )?;
    // SAFETY: both frames are alive and have the size and formats that the conversion was made for; the target is not
    // shared. Afterwards the target's fields say what is in it.
    unsafe {
        let (from, to) = (source.as_ptr(), full.as_mut_ptr());
        let lines = ffi::sws_scale(
            conversion.0,
            (*from).data.as_ptr().cast::<*const u8>(),
            (*from).linesize.as_ptr(),
            0,
            height as i32,
            (*to).data.as_ptr(),
            (*to).linesize.as_ptr(),
        );
        if lines < 0 {
            return Err(MediaError::new("convert a picture", Error::from(lines)));
        }
        (*to).format = ffi::AVPixelFormat::from(Pixel::YUVJ420P) as i32;
        (*to).color_range = color::Range::JPEG.into();
        (*to).quality = full_quality();
        (*to).pict_type = ffi::AVPictureType::AV_PICTURE_TYPE_NONE;
    }
    full.set_pts(Some(0));
    Ok(full)
}

/// From this format to planar YUV 4:2:0 of full range and the matrix of BT.601, at the same size.
fn conversion(format: Pixel, is_full: bool, matrix: color::Space, size: (u32, u32)) -> Result<Context, MediaError> {
    let context = Context::new(&Conversion {
        format,
        is_full,
        source: size,
        target: size,
        target_is_full: true,
        flags: Flags::BILINEAR | Flags::ACCURATE_RND,
    })?;
    // SAFETY: the context is alive and was initialised; the tables are static data.
    unsafe {
        let from = ffi::sws_getCoefficients(ffi::AVColorSpace::from(matrix) as i32);
        let to = ffi::sws_getCoefficients(ffi::SWS_CS_ITU601);
        // A contrast and a saturation of one.
        let one = 1 << 16;
        // It refuses what has no colours to convert, which then stays as it is.
        ffi::sws_setColorspaceDetails(context.0, from, i32::from(is_full), to, 1, 0, one, one);
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::decode_image;

    /// A picture of one colour: luma, blue and red difference.
    fn plain(size: (u32, u32), format: Pixel, levels: [u8; 3]) -> Picture {
        let mut picture = frame::Video::new(format, size.0, size.1);
        for (plane, level) in levels.into_iter().enumerate() {
            picture.data_mut(plane).fill(level);
        }
        Picture(picture)
    }

    /// What is in the JPEG file itself, in full range.
    fn decoded(jpeg: &[u8]) -> (frame::Video, [u8; 3]) {
        let codec = ffmpeg_next::decoder::find(Id::MJPEG).unwrap();
        let mut decoder = codec::Context::new_with_codec(codec).decoder().video().unwrap();
        decoder.send_packet(&Packet::copy(jpeg)).unwrap();
        decoder.send_eof().unwrap();
        let mut picture = frame::Video::empty();
        decoder.receive_frame(&mut picture).unwrap();
        let levels = [0, 1, 2].map(|plane| picture.data(plane)[3 * picture.stride(plane) + 3]);
        (picture, levels)
    }

    fn close(found: [u8; 3], wanted: [u8; 3]) -> bool {
        found
            .iter()
            .zip(wanted)
            .all(|(found, wanted)| found.abs_diff(wanted) <= 2)
    }

    #[test]
    fn limited_range_becomes_full_and_full_stays() {
        crate::media::init().unwrap();
        for (format, levels, wanted) in [
            (Pixel::YUV420P, [235, 128, 128], [255, 128, 128]),
            (Pixel::YUV420P, [16, 128, 128], [0, 128, 128]),
            (Pixel::YUV420P, [81, 90, 240], [76, 85, 255]),
            (Pixel::YUVJ420P, [235, 128, 128], [235, 128, 128]),
            (Pixel::YUV422P, [81, 90, 240], [76, 85, 255]),
            (Pixel::YUV444P, [16, 128, 128], [0, 128, 128]),
        ] {
            let jpeg = encode_jpeg(&plain((64, 48), format, levels)).unwrap();
            let (picture, found) = decoded(&jpeg);
            assert_eq!((picture.width(), picture.height()), (64, 48));
            assert!(close(found, wanted), "{format:?} {levels:?}: {found:?}, not {wanted:?}");
        }
    }

    #[test]
    fn colours_of_high_definition_get_the_matrix_of_jpeg() {
        crate::media::init().unwrap();
        // Pure red: by BT.709 here, by BT.601 in a JPEG file.
        let mut red = plain((64, 48), Pixel::YUV420P, [63, 102, 240]);
        red.0.set_color_space(color::Space::BT709);
        let (_, found) = decoded(&encode_jpeg(&red).unwrap());
        assert!(close(found, [76, 85, 255]), "{found:?}");
    }

    #[test]
    fn odd_sizes_and_large_ones_are_kept() {
        crate::media::init().unwrap();
        for size in [(1, 1), (33, 17), (3840, 2160)] {
            let jpeg = encode_jpeg(&plain(size, Pixel::YUV420P, [120, 128, 128])).unwrap();
            assert_eq!(
                (&jpeg[..2], &jpeg[jpeg.len() - 2..]),
                (&[0xff, 0xd8][..], &[0xff, 0xd9][..])
            );
            let (picture, _) = if size == (1, 1) { continue } else { decoded(&jpeg) };
            assert_eq!((picture.width(), picture.height()), size);
        }
        let jpeg = encode_jpeg(&plain((640, 360), Pixel::YUV420P, [81, 90, 240])).unwrap();
        assert_eq!(decode_image(&jpeg, 4096, 4096).unwrap().width(), 640);
    }
}
