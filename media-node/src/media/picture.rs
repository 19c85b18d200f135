use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use ffmpeg_next::util::error::ENOMEM;

use super::MediaError;

/// One uncompressed picture: as a decoder made it, in whatever pixel format, or planar YUV 4:2:0 of 8 bits when made
/// here. Moving it copies no pixels.
pub struct Picture(pub(super) frame::Video);

impl Picture {
    /// A picture of undefined content in planar YUV 4:2:0. Both sides are even and at least 2.
    pub fn new(width: u32, height: u32) -> Result<Self, MediaError> {
        let picture = frame::Video::new(Pixel::YUV420P, width, height);
        if picture.planes() < 3 {
            return Err(MediaError::new(
                format!("allocate a picture of {width}×{height}"),
                ffmpeg_next::Error::Other { errno: ENOMEM },
            ));
        }
        Ok(Self(picture))
    }

    pub fn width(&self) -> u32 {
        self.0.width()
    }

    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// What its samples take.
    pub fn bytes(&self) -> usize {
        (0..self.0.planes()).map(|index| self.0.data(index).len()).sum()
    }

    /// Width of one sample divided by its height; 1 where the stream does not tell.
    pub fn sample_aspect(&self) -> f64 {
        let ratio = self.0.aspect_ratio();
        if ratio.numerator() > 0 && ratio.denominator() > 0 {
            f64::from(ratio)
        } else {
            1.0
        }
    }

    /// Planar YUV 4:2:0 of 8 bits and limited range, which is what [`Plane`]s are made of.
    pub fn is_yuv420(&self) -> bool {
        self.0.format() == Pixel::YUV420P && self.0.planes() == 3
    }

    /// Luma (0) or a chroma plane (1 blue, 2 red). Only for a picture that [`is_yuv420`](Self::is_yuv420).
    pub fn plane(&self, index: usize) -> Plane<&[u8]> {
        Plane {
            stride: self.0.stride(index),
            data: self.0.data(index),
        }
    }

    pub fn plane_mut(&mut self, index: usize) -> Plane<&mut [u8]> {
        Plane {
            stride: self.0.stride(index),
            data: self.0.data_mut(index),
        }
    }

    /// Makes sure that nobody else reads this memory any more, by a copy if an encoder still holds it.
    pub fn make_writable(&mut self) -> Result<(), MediaError> {
        // SAFETY: the pointer is that of a frame which `self` owns; the call replaces its buffers by unshared ones.
        match unsafe { ffi::av_frame_make_writable(self.0.as_mut_ptr()) } {
            0 => Ok(()),
            code => Err(MediaError::new("copy a picture", ffmpeg_next::Error::from(code))),
        }
    }

    /// Another handle on the same pixels; nothing is copied until one of them is [made writable](Self::make_writable).
    pub fn share(&self) -> Result<Self, MediaError> {
        let mut shared = frame::Video::empty();
        // SAFETY: both are alive and `shared` is empty; the memory is shared by reference count.
        match unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), self.0.as_ptr()) } {
            0 => Ok(Self(shared)),
            code => Err(MediaError::new("share a picture", ffmpeg_next::Error::from(code))),
        }
    }

    /// Whether all samples are the same as those of `other`.
    pub fn same_content(&self, other: &Self) -> bool {
        let comparable = self.is_yuv420() && other.is_yuv420();
        comparable
            && (self.width(), self.height()) == (other.width(), other.height())
            && (0..3).all(|index| {
                let (width, height) = self.plane_size(index);
                let (ours, theirs) = (self.plane(index), other.plane(index));
                (0..height).all(|y| ours.row(y).get(..width) == theirs.row(y).get(..width))
            })
    }

    /// Width and height of a plane in samples.
    pub fn plane_size(&self, index: usize) -> (usize, usize) {
        (self.0.plane_width(index) as usize, self.0.plane_height(index) as usize)
    }
}

/// The samples of one plane, row by row.
pub struct Plane<T> {
    /// Bytes from a row to the next.
    pub stride: usize,
    pub data: T,
}

impl<'a> Plane<&'a [u8]> {
    pub fn row(&self, y: usize) -> &'a [u8] {
        self.data
            .get(y * self.stride..)
            .and_then(|rest| rest.get(..self.stride))
            .unwrap_or_default()
    }
}
