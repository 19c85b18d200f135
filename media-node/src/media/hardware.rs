//! Encoders that take their pictures from a device's memory.

use std::ptr;

use ffmpeg_next::codec::Context;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Codec, Error, ffi, frame};

use super::{MediaError, Picture};

/// Pictures in memory that wait in a device for an encoder at most.
const POOL: i32 = 20;

/// In which form an encoder takes its pictures.
pub(super) enum Intake {
    /// Planar YUV 4:2:0 as it is composed.
    Planar,
    /// Luma, then both chroma planes interleaved.
    Interleaved(frame::Video),
    Device(Device),
}

impl Intake {
    /// Chooses for a codec that is not open yet, and prepares its context.
    pub(super) fn choose(codec: &Codec, context: &mut Context, width: u32, height: u32) -> Result<Self, MediaError> {
        let formats = formats(codec);
        let intake = if formats.is_empty() || formats.contains(&Pixel::YUV420P) {
            Self::Planar
        } else if formats.contains(&Pixel::NV12) {
            Self::Interleaved(frame::Video::new(Pixel::NV12, width, height))
        } else {
            Self::Device(Device::open(codec, context, width, height)?)
        };
        let format = match &intake {
            Self::Planar => Pixel::YUV420P,
            Self::Interleaved(_) => Pixel::NV12,
            Self::Device(device) => device.format,
        };
        // SAFETY: a plain field of a context that is not open.
        unsafe { (*context.as_mut_ptr()).pix_fmt = format.into() }
        Ok(intake)
    }

    /// The picture in the encoder's form. It is shared with `picture` where the forms are the same.
    pub(super) fn take(&mut self, picture: &Picture) -> Result<frame::Video, MediaError> {
        let mut taken = frame::Video::empty();
        match self {
            Self::Planar => share(&mut taken, &picture.0)?,
            Self::Interleaved(buffer) => {
                interleave(picture, buffer)?;
                share(&mut taken, buffer)?;
            }
            Self::Device(device) => {
                interleave(picture, &mut device.buffer)?;
                device.upload(&mut taken)?;
            }
        }
        Ok(taken)
    }
}

/// A device with memory for pictures.
pub(super) struct Device {
    format: Pixel,
    frames: Reference,
    /// The picture on its way to the device.
    buffer: frame::Video,
}

struct Reference(*mut ffi::AVBufferRef);

// SAFETY: a reference count that FFmpeg changes atomically.
unsafe impl Send for Reference {}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: one reference of our own, or null.
        unsafe { ffi::av_buffer_unref(&raw mut self.0) }
    }
}

impl Device {
    fn open(codec: &Codec, context: &mut Context, width: u32, height: u32) -> Result<Self, MediaError> {
        let failed = |code| MediaError::new(format!("open a device for {}", codec.name()), Error::from(code));
        let (kind, format) = device_kind(codec)
            .ok_or_else(|| MediaError::new(format!("feed the encoder {}", codec.name()), Error::InvalidData))?;
        let mut device = Reference(ptr::null_mut());
        // SAFETY: each call gets what the one before made, and only after it succeeded; the frames' description is
        // changed before it is initialised and not after; the context gets a reference of its own.
        unsafe {
            match ffi::av_hwdevice_ctx_create(&raw mut device.0, kind, ptr::null(), ptr::null_mut(), 0) {
                code if code < 0 => return Err(failed(code)),
                _ => {}
            }
            let frames = Reference(ffi::av_hwframe_ctx_alloc(device.0));
            if frames.0.is_null() {
                return Err(failed(ffi::AVERROR(ffi::ENOMEM)));
            }
            let description = &mut *(*frames.0).data.cast::<ffi::AVHWFramesContext>();
            description.format = format.into();
            description.sw_format = Pixel::NV12.into();
            description.width = width as i32;
            description.height = height as i32;
            description.initial_pool_size = POOL;
            match ffi::av_hwframe_ctx_init(frames.0) {
                code if code < 0 => return Err(failed(code)),
                _ => {}
            }
            (*context.as_mut_ptr()).hw_frames_ctx = ffi::av_buffer_ref(frames.0);
            Ok(Self {
                format,
                frames,
                buffer: frame::Video::new(Pixel::NV12, width, height),
            })
        }
    }

    fn upload(&mut self, taken: &mut frame::Video) -> Result<(), MediaError> {
        // SAFETY: `taken` is empty and gets memory of the device's pool, of the size of `buffer`.
        let code = unsafe {
            match ffi::av_hwframe_get_buffer(self.frames.0, taken.as_mut_ptr(), 0) {
                code if code < 0 => code,
                _ => ffi::av_hwframe_transfer_data(taken.as_mut_ptr(), self.buffer.as_ptr(), 0),
            }
        };
        if code < 0 {
            return Err(MediaError::new(
                "bring a picture to the encoder's device",
                Error::from(code),
            ));
        }
        Ok(())
    }
}

/// The pixel formats that a codec names.
fn formats(codec: &Codec) -> Vec<Pixel> {
    let mut formats = Vec::new();
    // SAFETY: static data of the codec: null, or a list that ends with AV_PIX_FMT_NONE.
    unsafe {
        let mut next = (*codec.as_ptr()).pix_fmts;
        while !next.is_null() && *next != ffi::AVPixelFormat::AV_PIX_FMT_NONE {
            formats.push(Pixel::from(*next));
            next = next.add(1);
        }
    }
    formats
}

/// The first kind of device whose pictures a codec takes.
fn device_kind(codec: &Codec) -> Option<(ffi::AVHWDeviceType, Pixel)> {
    let method = ffi::AV_CODEC_HW_CONFIG_METHOD_HW_FRAMES_CTX as i32;
    (0..)
        .map_while(|index| {
            // SAFETY: static data of the codec; null behind the last entry.
            unsafe { ffi::avcodec_get_hw_config(codec.as_ptr(), index).as_ref() }
        })
        .find(|config| config.methods & method != 0)
        .map(|config| (config.device_type, Pixel::from(config.pix_fmt)))
}

fn share(taken: &mut frame::Video, from: &frame::Video) -> Result<(), MediaError> {
    // SAFETY: both frames are alive and `taken` is empty; the memory is shared by reference count.
    match unsafe { ffi::av_frame_ref(taken.as_mut_ptr(), from.as_ptr()) } {
        code if code < 0 => Err(MediaError::new("share a picture", Error::from(code))),
        _ => Ok(()),
    }
}

/// Copies a planar picture into one with interleaved chroma of the same size.
fn interleave(picture: &Picture, into: &mut frame::Video) -> Result<(), MediaError> {
    // SAFETY: a frame of our own; the call replaces buffers that the encoder still reads by new ones.
    match unsafe { ffi::av_frame_make_writable(into.as_mut_ptr()) } {
        code if code < 0 => return Err(MediaError::new("copy a picture", Error::from(code))),
        _ => {}
    }
    let (width, height) = picture.plane_size(0);
    let stride = into.stride(0);
    for (y, row) in into.data_mut(0).chunks_exact_mut(stride).take(height).enumerate() {
        let from = picture.plane(0).row(y);
        if let (Some(row), Some(from)) = (row.get_mut(..width), from.get(..width)) {
            row.copy_from_slice(from);
        }
    }
    let (width, height) = picture.plane_size(1);
    let stride = into.stride(1);
    for (y, row) in into.data_mut(1).chunks_exact_mut(stride).take(height).enumerate() {
        let (blue, red) = (picture.plane(1).row(y), picture.plane(2).row(y));
        for (both, (blue, red)) in row.as_chunks_mut().0.iter_mut().take(width).zip(blue.iter().zip(red)) {
            *both = [*blue, *red];
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{encoder, skipped};
    use super::*;

    #[test]
    fn chroma_is_interleaved() {
        let mut picture = Picture::new(4, 2).unwrap();
        for (index, level) in [10, 20, 30].into_iter().enumerate() {
            picture.plane_mut(index).data.fill(level);
        }
        let mut into = frame::Video::new(Pixel::NV12, 4, 2);
        interleave(&picture, &mut into).unwrap();
        assert_eq!(into.data(0)[..4], [10; 4]);
        assert_eq!(into.data(1)[..4], [20, 30, 20, 30]);
    }

    #[test]
    fn nvenc_takes_pictures_from_memory() {
        let Some(nvenc) = encoder("h264_nvenc") else { return };
        let mut context = Context::new_with_codec(nvenc);
        let intake = Intake::choose(&nvenc, &mut context, 64, 36).unwrap();
        assert!(matches!(intake, Intake::Planar));
    }

    #[test]
    fn vaapi_takes_pictures_from_its_device() {
        let Some(vaapi) = encoder("h264_vaapi") else { return };
        let kind = ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI;
        assert_eq!(device_kind(&vaapi), Some((kind, Pixel::VAAPI)));
    }

    #[test]
    fn x264_needs_no_device() {
        super::super::init().unwrap();
        let x264 = ffmpeg_next::encoder::find_by_name("libx264").unwrap();
        assert_eq!(device_kind(&x264), None);
    }

    #[test]
    fn an_encoder_without_its_device_is_refused_with_its_name() {
        let Some(vaapi) = encoder("h264_vaapi") else { return };
        let mut context = Context::new_with_codec(vaapi);
        match Intake::choose(&vaapi, &mut context, 640, 360) {
            Ok(_) => skipped("this machine has a VAAPI device"),
            Err(error) => assert!(error.to_string().contains("h264_vaapi"), "{error}"),
        }
    }

    #[test]
    fn a_vaapi_device_takes_a_picture() {
        let Some(vaapi) = encoder("h264_vaapi") else { return };
        let mut context = Context::new_with_codec(vaapi);
        match Intake::choose(&vaapi, &mut context, 640, 360) {
            Ok(mut intake) => {
                let taken = intake.take(&Picture::new(640, 360).unwrap()).unwrap();
                assert_eq!(taken.format(), Pixel::VAAPI);
            }
            Err(_) => skipped("this machine has no VAAPI device"),
        }
    }
}
