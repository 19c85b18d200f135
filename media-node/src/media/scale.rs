use std::ptr;

use ffmpeg_next::Error;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::Flags;
use ffmpeg_next::util::error::ENOMEM;

use super::matrix::Matrix;
use super::reduce::Reduction;
use super::turn::Turn;
use super::{Crop, MediaError, Picture};

/// Scales pictures of one size and format after the other to planar YUV 4:2:0 of 8 bits, limited range and the matrix of
/// BT.601, upright and progressive; its tables are kept while neither the source's nor the target's size or format changes. What
/// is to become less than half as large is first reduced by whole numbers. Of interlaced pictures one field is taken.
#[derive(Default)]
pub struct Scaler {
    context: Option<(Conversion, Context)>,
    reduced: Option<Picture>,
    turned: Option<Picture>,
    sums: Vec<u16>,
}

/// What libswscale does: from a format and a size to planar YUV 4:2:0 of a size.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Conversion {
    pub(super) format: Pixel,
    pub(super) is_full: bool,
    pub(super) source: (u32, u32),
    pub(super) target: (u32, u32),
    pub(super) target_is_full: bool,
    pub(super) flags: Flags,
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
    pub(super) fn new(conversion: &Conversion) -> Result<Self, MediaError> {
        let Conversion {
            format, source, target, ..
        } = *conversion;
        let failed = |code| MediaError::new(format!("scale {format:?} pictures of {source:?}"), Error::from(code));
        // SAFETY: a plain allocation; the answer is checked.
        let context = unsafe { ffi::sws_alloc_context() };
        if context.is_null() {
            return Err(failed(ffi::AVERROR(ENOMEM)));
        }
        let context = Self(context);
        let options = [
            (c"srcw", i64::from(source.0)),
            (c"srch", i64::from(source.1)),
            (c"src_format", ffi::AVPixelFormat::from(format) as i64),
            (c"src_range", i64::from(conversion.is_full)),
            (c"dstw", i64::from(target.0)),
            (c"dsth", i64::from(target.1)),
            (c"dst_format", ffi::AVPixelFormat::from(Pixel::YUV420P) as i64),
            (c"dst_range", i64::from(conversion.target_is_full)),
            (c"sws_flags", i64::from(conversion.flags.bits())),
        ];
        for (name, value) in options {
            // SAFETY: the context is alive and begins with its class, which is what options are set by.
            let code = unsafe { ffi::av_opt_set_int(context.0.cast(), name.as_ptr(), value, 0) };
            if code < 0 {
                return Err(failed(code));
            }
        }
        // SAFETY: the context is alive and has its sizes and formats.
        match unsafe { ffi::sws_init_context(context.0, ptr::null_mut(), ptr::null_mut()) } {
            code if code < 0 => Err(failed(code)),
            _ => Ok(context),
        }
    }
}

impl Scaler {
    /// Fills all of `target` with the part `crop` of `source` as it stands upright. A crop that is not inside is an error.
    pub fn scale(&mut self, source: &Picture, crop: Crop, target: &mut Picture) -> Result<(), MediaError> {
        let (width, height) = source.upright_size();
        let inside = u64::from(crop.x) + u64::from(crop.width) <= u64::from(width)
            && u64::from(crop.y) + u64::from(crop.height) <= u64::from(height);
        if !inside || crop.width == 0 || crop.height == 0 || !target.is_yuv420() {
            return Err(MediaError::new(
                format!("scale {crop:?} out of {width}×{height}"),
                Error::InvalidData,
            ));
        }
        let turn = source.turn();
        if turn == Turn::default() {
            self.scale_as_coded(source, crop, target)?;
        } else {
            let size = turn.size((target.width(), target.height()));
            let mut turned = of_size(self.turned.take(), size)?;
            let coded = turn.crop(crop, (source.width(), source.height()));
            self.scale_as_coded(source, coded, &mut turned)?;
            turned.turn_into(turn, target)?;
            self.turned = Some(turned);
        }
        match Matrix::of(source) {
            Some(matrix) => matrix.compose(target),
            None => Ok(()),
        }
    }

    fn scale_as_coded(&mut self, source: &Picture, crop: Crop, target: &mut Picture) -> Result<(), MediaError> {
        let (from, to) = ((crop.width, crop.height), (target.width(), target.height()));
        let is_plain = source.is_yuv420() && !source.is_full_range() && !source.is_interlaced();
        let Some(reduction) = Reduction::between(from, to).filter(|_| is_plain) else {
            return self.interpolate(source, crop, target);
        };
        let size = reduction.size(from);
        if size == to {
            return reduction.apply(source, crop, target, &mut self.sums);
        }
        let mut reduced = of_size(self.reduced.take(), size)?;
        reduction.apply(source, crop, &mut reduced, &mut self.sums)?;
        let whole = Crop {
            x: 0,
            y: 0,
            width: size.0,
            height: size.1,
        };
        let scaled = self.interpolate(&reduced, whole, target);
        self.reduced = Some(reduced);
        scaled
    }

    fn interpolate(&mut self, source: &Picture, crop: Crop, target: &mut Picture) -> Result<(), MediaError> {
        target.make_writable()?;
        // A field is every other row.
        let rows = if source.is_interlaced() && crop.height >= 4 {
            2
        } else {
            1
        };
        let crop = Crop {
            // Rows of chroma belong to fields as well.
            y: if rows == 2 { crop.y & !3 } else { crop.y },
            ..crop
        };
        let size = (crop.width, crop.height / rows);
        let to = (target.width(), target.height());
        // Averaging the area is the cheapest way down that does not alias; the way up needs interpolation.
        let down = to.0 <= size.0 && to.1 <= size.1;
        let conversion = Conversion {
            format: source.format(),
            is_full: source.is_full_range(),
            source: size,
            target: to,
            target_is_full: false,
            flags: if down { Flags::AREA } else { Flags::BILINEAR },
        };
        if self.context.as_ref().is_none_or(|(used, _)| *used != conversion) {
            self.context = None;
            self.context = Some((conversion, Context::new(&conversion)?));
        }
        let Some((_, context)) = &self.context else {
            return Ok(());
        };
        let (data, stride) = cropped(source, crop)?;
        let stride = stride.map(|stride| stride * rows as i32);
        // SAFETY: `data` and `stride` describe an area inside the source's planes (checked by `scale`), or every other row of
        // it, and the target has the size, format and unshared memory that the context was made for.
        unsafe {
            let target = target.0.as_mut_ptr();
            ffi::sws_scale(
                context.0,
                data.as_ptr(),
                stride.as_ptr(),
                0,
                size.1 as i32,
                (*target).data.as_ptr(),
                (*target).linesize.as_ptr(),
            );
        }
        Ok(())
    }
}

/// A picture that was used before, if it has this size.
fn of_size(used: Option<Picture>, (width, height): (u32, u32)) -> Result<Picture, MediaError> {
    match used {
        Some(used) if (used.width(), used.height()) == (width, height) => Ok(used),
        _ => Picture::new(width, height),
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
