//! Writes areas of planar YUV 4:2:0: plain colours, copies and blends. Rectangles are even and inside their pictures; what is seen
//! of them may end at any pixel, and has the chroma samples of all of the rectangle.

use protocol::Colour;

use super::layout::Rect;
use crate::media::Picture;

/// Luma, blue and red difference of one colour, limited range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yuv(pub [u8; 3]);

pub const BLACK: Yuv = Yuv([16, 128, 128]);

impl Yuv {
    /// Converts by the matrix of ITU-R BT.601, which decoders assume where a stream names none.
    pub fn of(colour: Colour) -> Self {
        let [r, g, b] = [colour.r, colour.g, colour.b].map(f64::from);
        let y = 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0;
        let u = 128.0 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255.0;
        let v = 128.0 + (112.0 * r - 93.786 * g - 18.214 * b) / 255.0;
        Self([y, u, v].map(|level| level.round() as u8))
    }
}

/// Fills what is `seen` of an area with one colour, by `alpha` / 256.
pub fn fill(canvas: &mut Picture, rect: Rect, seen: Rect, colour: Yuv, alpha: u16) {
    for (index, level) in colour.0.into_iter().enumerate() {
        let area = seen_in_plane(rect, seen, index);
        each_row(canvas, index, area, |_, row| {
            if alpha >= 256 {
                row.fill(level);
            } else {
                row.iter_mut().for_each(|sample| *sample = mix(level, *sample, alpha));
            }
        });
    }
}

/// Puts a picture on the canvas with its upper left corner at that of `rect`, cut to what is `seen` of `rect`, by
/// `alpha` / 256.
pub fn put(canvas: &mut Picture, rect: Rect, seen: Rect, picture: &Picture, alpha: u16) {
    for index in 0..3 {
        let (whole, area) = (in_plane(rect, index), seen_in_plane(rect, seen, index));
        let (left, top) = ((area.x - whole.x) as usize, (area.y - whole.y) as usize);
        let source = picture.plane(index);
        each_row(canvas, index, area, |y, row| {
            let from = source.row(top + y).get(left..).unwrap_or_default();
            let width = row.len().min(from.len());
            let (row, from) = (&mut row[..width], &from[..width]);
            if alpha >= 256 {
                row.copy_from_slice(from);
            } else {
                row.iter_mut()
                    .zip(from)
                    .for_each(|(sample, new)| *sample = mix(*new, *sample, alpha));
            }
        });
    }
}

/// Copies the same area of another picture of the canvas's size.
pub fn restore(canvas: &mut Picture, rect: Rect, from: &Picture) {
    for index in 0..3 {
        let area = in_plane(rect, index);
        let source = from.plane(index);
        each_row(canvas, index, area, |y, row| {
            let from = source
                .row(area.y as usize + y)
                .get(area.x as usize..)
                .unwrap_or_default();
            let width = row.len().min(from.len());
            row[..width].copy_from_slice(&from[..width]);
        });
    }
}

fn mix(new: u8, old: u8, alpha: u16) -> u8 {
    ((u16::from(new) * alpha + u16::from(old) * (256 - alpha) + 128) >> 8) as u8
}

fn seen_in_plane(rect: Rect, seen: Rect, index: usize) -> Rect {
    match index {
        0 => rect.common(seen),
        _ => in_plane(rect, index),
    }
}

fn in_plane(rect: Rect, index: usize) -> Rect {
    if index == 0 {
        return rect;
    }
    Rect {
        x: rect.x / 2,
        y: rect.y / 2,
        width: rect.width / 2,
        height: rect.height / 2,
    }
}

/// Calls with the number of the row inside the area and its samples.
fn each_row(canvas: &mut Picture, index: usize, area: Rect, mut each: impl FnMut(usize, &mut [u8])) {
    let plane = canvas.plane_mut(index);
    let (left, right) = (area.x as usize, (area.x + area.width) as usize);
    let rows = plane
        .data
        .chunks_exact_mut(plane.stride)
        .skip(area.y as usize)
        .take(area.height as usize);
    for (y, row) in rows.enumerate() {
        if let Some(row) = row.get_mut(left..right) {
            each(y, row);
        }
    }
}
