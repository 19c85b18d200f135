use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame::side_data::Type;
use ffmpeg_next::util::error::ENOMEM;
use ffmpeg_next::{color, ffi, frame};

use super::MediaError;
use super::turn::Turn;

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

    /// Width and height as it stands upright, in pixels.
    pub fn upright_size(&self) -> (u32, u32) {
        self.turn().size((self.width(), self.height()))
    }

    /// Width of one sample of the upright picture divided by its height; 1 where the stream does not tell.
    pub fn sample_aspect(&self) -> f64 {
        let ratio = self.0.aspect_ratio();
        if ratio.numerator() <= 0 || ratio.denominator() <= 0 {
            1.0
        } else if self.turn().transposed {
            1.0 / f64::from(ratio)
        } else {
            f64::from(ratio)
        }
    }

    /// How it has to be turned to stand upright.
    pub(super) fn turn(&self) -> Turn {
        let matrix = self.0.side_data(Type::DisplayMatrix);
        let numbers = matrix.as_ref().map(|matrix| matrix.data().as_chunks::<4>().0);
        let Some(numbers) = numbers.filter(|numbers| numbers.len() == 9) else {
            return Turn::default();
        };
        let mut matrix = [0; 9];
        matrix
            .iter_mut()
            .zip(numbers)
            .for_each(|(to, from)| *to = i32::from_ne_bytes(*from));
        Turn::of_matrix(&matrix)
    }

    /// Its fields are of two moments.
    pub(super) fn is_interlaced(&self) -> bool {
        self.0.is_interlaced()
    }

    /// The pixel format, but that which says its range by its name: libswscale complains about these.
    pub(super) fn format(&self) -> Pixel {
        match self.0.format() {
            Pixel::YUVJ420P => Pixel::YUV420P,
            Pixel::YUVJ422P => Pixel::YUV422P,
            Pixel::YUVJ444P => Pixel::YUV444P,
            format => format,
        }
    }

    pub(super) fn is_full_range(&self) -> bool {
        self.format() != self.0.format() || self.0.color_range() == color::Range::JPEG
    }

    /// Fills `upright` with this picture of the same size, but for the turn. Both are planar YUV 4:2:0.
    pub(super) fn turn_into(&self, turn: Turn, upright: &mut Self) -> Result<(), MediaError> {
        upright.make_writable()?;
        for index in 0..3 {
            let (width, height) = upright.plane_size(index);
            let from = self.plane(index);
            let to = upright.plane_mut(index);
            for (y, row) in to.data.chunks_mut(to.stride).take(height).enumerate() {
                let y = if turn.upended { height - 1 - y } else { y };
                let Some(row) = row.get_mut(..width) else { continue };
                if turn.transposed {
                    for (x, sample) in row.iter_mut().enumerate() {
                        let x = if turn.mirrored { width - 1 - x } else { x };
                        *sample = from.row(x).get(y).copied().unwrap_or_default();
                    }
                } else if let Some(source) = from.row(y).get(..width) {
                    row.copy_from_slice(source);
                    if turn.mirrored {
                        row.reverse();
                    }
                }
            }
        }
        Ok(())
    }

    /// Planar YUV 4:2:0 of 8 bits, which is what [`Plane`]s are made of.
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

impl Plane<&mut [u8]> {
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        self.data
            .get_mut(y * self.stride..)
            .and_then(|rest| rest.get_mut(..self.stride))
            .unwrap_or_default()
    }
}
