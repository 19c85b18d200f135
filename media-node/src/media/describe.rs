use std::ptr;

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Error, StreamMut, ffi, media};

use super::MediaError;
use super::turn::{MATRIX_BYTES, bytes, matrix};
use crate::stream::{Format, H264Format, H265Format, Vp9Format};

/// One track of a file that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuxedTrack {
    /// H.264 and H.265 need their parameter sets.
    pub format: Format,
    /// The usual duration of one unit.
    pub duration_us: i64,
}

/// Adds a track of this format to a file whose header is not written.
pub(super) fn add_track(output: &mut Output, format: &Format) -> Result<(), MediaError> {
    let is_rtsp = output.format().name() == "rtsp";
    let mut stream = output
        .add_stream(None::<ffmpeg_next::Codec>)
        .map_err(MediaError::during("add a track to this file"))?;
    // SAFETY: the stream was just made, its parameters are allocated, and nobody else refers to them.
    let parameters = unsafe { &mut *(*stream.as_mut_ptr()).codecpar };
    let extradata = match format {
        Format::H264(H264Format { width, height, .. }) | Format::H265(H265Format { width, height, .. }) => {
            let is_h264 = matches!(format, Format::H264(_));
            parameters.codec_type = media::Type::Video.into();
            parameters.codec_id = if is_h264 { Id::H264 } else { Id::HEVC }.into();
            parameters.width = (*width).try_into().unwrap_or(i32::MAX);
            parameters.height = (*height).try_into().unwrap_or(i32::MAX);
            format.annex_b()
        }
        Format::Vp8(vp8) => {
            parameters.codec_type = media::Type::Video.into();
            parameters.codec_id = Id::VP8.into();
            parameters.width = vp8.width.try_into().unwrap_or(i32::MAX);
            parameters.height = vp8.height.try_into().unwrap_or(i32::MAX);
            Vec::new()
        }
        Format::Vp9(vp9) => {
            parameters.codec_type = media::Type::Video.into();
            parameters.codec_id = Id::VP9.into();
            parameters.width = vp9.width.try_into().unwrap_or(i32::MAX);
            parameters.height = vp9.height.try_into().unwrap_or(i32::MAX);
            parameters.profile = i32::from(vp9.profile);
            parameters.format = ffi::AVPixelFormat::from(vp9_pixels(vp9)) as i32;
            Vec::new()
        }
        Format::Av1(av1) => {
            parameters.codec_type = media::Type::Video.into();
            parameters.codec_id = Id::AV1.into();
            parameters.width = av1.width.try_into().unwrap_or(i32::MAX);
            parameters.height = av1.height.try_into().unwrap_or(i32::MAX);
            av1.sequence_header.to_vec()
        }
        Format::Aac(aac) => {
            parameters.codec_type = media::Type::Audio.into();
            parameters.codec_id = Id::AAC.into();
            parameters.sample_rate = aac.sample_rate.try_into().unwrap_or(i32::MAX);
            parameters.ch_layout.nb_channels = i32::from(aac.channels);
            parameters.frame_size = aac.frame_length.try_into().unwrap_or(i32::MAX);
            aac.config.to_vec()
        }
        Format::Mpeg(mpeg) => {
            parameters.codec_type = media::Type::Audio.into();
            parameters.codec_id = if mpeg.layer == 2 { Id::MP2 } else { Id::MP3 }.into();
            parameters.sample_rate = mpeg.sample_rate.try_into().unwrap_or(i32::MAX);
            parameters.ch_layout.nb_channels = i32::from(mpeg.channels);
            parameters.frame_size = mpeg.frame_length.try_into().unwrap_or(i32::MAX);
            Vec::new()
        }
        Format::Pcm(_) => return Err(MediaError::new("put PCM into this file", Error::InvalidData)),
        Format::Jpeg(_) => return Err(MediaError::new("put Motion JPEG into this file", Error::InvalidData)),
        Format::Opus(opus) => {
            // No container that is written as a file here carries it where its files are played.
            if !is_rtsp {
                return Err(MediaError::new("put Opus into this file", Error::InvalidData));
            }
            parameters.codec_type = media::Type::Audio.into();
            parameters.codec_id = Id::OPUS.into();
            parameters.sample_rate = 48_000;
            parameters.ch_layout.nb_channels = i32::from(opus.channels);
            Vec::new()
        }
    };
    let padding = ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: a plain allocation; FFmpeg frees it with the stream.
    let memory = unsafe { ffi::av_mallocz(extradata.len() + padding) }.cast::<u8>();
    if memory.is_null() {
        return Err(MediaError::new("allocate", Error::Other { errno: ffi::ENOMEM }));
    }
    // SAFETY: `memory` is new and longer than `extradata`.
    unsafe { ptr::copy_nonoverlapping(extradata.as_ptr(), memory, extradata.len()) };
    parameters.extradata = memory;
    parameters.extradata_size = extradata.len().try_into().unwrap_or(0);
    match format.coding().and_then(|coding| matrix(coding.quarters)) {
        Some(matrix) => set_matrix(&mut stream, &bytes(&matrix)),
        None => Ok(()),
    }
}

/// Says how the pictures of a track of a file that is written have to be turned, where files of this kind can say it.
pub(super) fn set_matrix(stream: &mut StreamMut<'_>, matrix: &[u8; MATRIX_BYTES]) -> Result<(), MediaError> {
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
    // SAFETY: the stream is alive and its file's header not written; what is added has so many bytes, and is the stream's own.
    unsafe {
        let added = ffi::av_stream_new_side_data(stream.as_mut_ptr(), kind, MATRIX_BYTES);
        if added.is_null() {
            return Err(MediaError::new("allocate", Error::Other { errno: ffi::ENOMEM }));
        }
        ptr::copy_nonoverlapping(matrix.as_ptr(), added, MATRIX_BYTES);
    }
    Ok(())
}

/// How the pictures of a VP9 stream are kept when they are decoded.
fn vp9_pixels(vp9: &Vp9Format) -> Pixel {
    match (vp9.bit_depth, vp9.chroma_halved) {
        (8, (true, true)) => Pixel::YUV420P,
        (8, (true, false)) => Pixel::YUV422P,
        (8, (false, true)) => Pixel::YUV440P,
        (8, (false, false)) => Pixel::YUV444P,
        (10, (true, true)) => Pixel::YUV420P10LE,
        (10, (true, false)) => Pixel::YUV422P10LE,
        (10, (false, true)) => Pixel::YUV440P10LE,
        (10, (false, false)) => Pixel::YUV444P10LE,
        (_, (true, true)) => Pixel::YUV420P12LE,
        (_, (true, false)) => Pixel::YUV422P12LE,
        (_, (false, true)) => Pixel::YUV440P12LE,
        (_, (false, false)) => Pixel::YUV444P12LE,
    }
}
