use std::ptr;

use ffmpeg_next::Error;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::Flags;

use super::reduce::Reduction;
use super::{Crop, MediaError, Picture};

/// Scales pictures of one size and format after the other to planar YUV 4:2:0; its tables are kept while neither the
/// source's nor the target's size or format changes. What is to become less than half as large is first reduced by whole
/// numbers.
#[derive(Default)]
pub struct Scaler {
    context: Option<(Key, Context)>,
    reduced: Option<Picture>,
    sums: Vec<u16>,
}

#[derive(Clone, Copy, PartialEq)]
struct Key {
    format: Pixel,
    source: (u32, u32),
    target: (u32, u32),
}

/// A context of libswscale, never null.
pub(super) struct Context(pub(super) *mut ffi::SwsContext);

// SAFETY: the context is owned by one value, has no thread of its own and no ties to the thread that made it.
unsafe impl Send for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by libswscale, freed once.
        unsafe { ffi::sws_freeContext(self.0) }
    }
}

impl Context {
    fn new(key: &Key) -> Result<Self, MediaError> {
        // Averaging the area is the cheapest way down that does not alias; the way up needs interpolation.
        let down = key.target.0 <= key.source.0 && key.target.1 <= key.source.1;
        let flags = if down { Flags::AREA } else { Flags::BILINEAR };
        // SAFETY: plain values and null for everything optional; the answer is checked.
        let context = unsafe {
            ffi::sws_getContext(
                key.source.0 as i32,
                key.source.1 as i32,
                key.format.into(),
                key.target.0 as i32,
                key.target.1 as i32,
                Pixel::YUV420P.into(),
                flags.bits(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            )
        };
        if context.is_null() {
            return Err(MediaError::new(
                format!("scale {:?} pictures of {:?}", key.format, key.source),
                Error::InvalidData,
            ));
        }
        Ok(Self(context))
    }
}

impl Scaler {
    /// Fills all of `target` with the part `crop` of `source`. A crop that is not inside the source is an error.
    pub fn scale(&mut self, source: &Picture, crop: Crop, target: &mut Picture) -> Result<(), MediaError> {
        let inside = u64::from(crop.x) + u64::from(crop.width) <= u64::from(source.width())
            && u64::from(crop.y) + u64::from(crop.height) <= u64::from(source.height());
        if !inside || crop.width == 0 || crop.height == 0 || !target.is_yuv420() {
            return Err(MediaError::new(
                format!("scale {crop:?} out of {}×{}", source.width(), source.height()),
                Error::InvalidData,
            ));
        }
        let (from, to) = ((crop.width, crop.height), (target.width(), target.height()));
        let Some(reduction) = Reduction::between(from, to).filter(|_| source.is_yuv420()) else {
            return self.interpolate(source, crop, target);
        };
        let (width, height) = reduction.size(from);
        if (width, height) == to {
            return reduction.apply(source, crop, target, &mut self.sums);
        }
        let mut reduced = match self.reduced.take() {
            Some(reduced) if (reduced.width(), reduced.height()) == (width, height) => reduced,
            _ => Picture::new(width, height)?,
        };
        reduction.apply(source, crop, &mut reduced, &mut self.sums)?;
        let whole = Crop {
            x: 0,
            y: 0,
            width,
            height,
        };
        let scaled = self.interpolate(&reduced, whole, target);
        self.reduced = Some(reduced);
        scaled
    }

    fn interpolate(&mut self, source: &Picture, crop: Crop, target: &mut Picture) -> Result<(), MediaError> {
        target.make_writable()?;
        let key = Key {
            format: source.0.format(),
            source: (crop.width, crop.height),
            target: (target.width(), target.height()),
        };
        if self.context.as_ref().is_none_or(|(used, _)| *used != key) {
            self.context = None;
            self.context = Some((key, Context::new(&key)?));
        }
        let Some((_, context)) = &self.context else {
            return Ok(());
        };
        let (data, stride) = cropped(source, crop)?;
        // SAFETY: `data` and `stride` describe an area inside the source's planes (checked by `scale`), and the target has
        // the size, format and unshared memory that the context was made for.
        unsafe {
            let target = target.0.as_mut_ptr();
            ffi::sws_scale(
                context.0,
                data.as_ptr(),
                stride.as_ptr(),
                0,
                crop.height as i32,
                (*target).data.as_ptr(),
                (*target).linesize.as_ptr(),
            );
        }
        Ok(())
    }
}

/// Pointers to the first samples of the crop, plane by plane.
fn cropped(source: &Picture, crop: Crop) -> Result<([*const u8; 4], [i32; 4]), MediaError> {
    let unknown = || MediaError::new(format!("crop {:?} pictures", source.0.format()), Error::InvalidData);
    // SAFETY: av_pix_fmt_desc_get takes any value; the answer is static data or null.
    let descriptor = unsafe { ffi::av_pix_fmt_desc_get(source.0.format().into()).as_ref() }.ok_or_else(unknown)?;
    // SAFETY: the frame is alive; what is not moved below, such as a palette, stays as it is.
    let (mut data, stride) = unsafe {
        let frame = &*source.0.as_ptr();
        (
            [0, 1, 2, 3].map(|plane| frame.data[plane].cast_const()),
            [0, 1, 2, 3].map(|plane| frame.linesize[plane]),
        )
    };
    let mut seen = [false; 4];
    for component in descriptor.comp.iter().take(usize::from(descriptor.nb_components)) {
        let plane = usize::try_from(component.plane)
            .ok()
            .filter(|plane| *plane < 4)
            .ok_or_else(unknown)?;
        if std::mem::replace(&mut seen[plane], true) {
            continue;
        }
        let chroma = plane == 1 || plane == 2;
        let (right, down) = if chroma {
            (descriptor.log2_chroma_w, descriptor.log2_chroma_h)
        } else {
            (0, 0)
        };
        let (x, y) = ((crop.x >> right) as usize, (crop.y >> down) as usize);
        let first = usize::try_from(stride[plane]).map_err(|_| unknown())? * y + x * component.step as usize;
        // SAFETY: (x, y) lies inside the plane because the crop lies inside the picture; a component's step is that of
        // its plane.
        data[plane] = unsafe { data[plane].add(first) };
    }
    Ok((data, stride))
}
