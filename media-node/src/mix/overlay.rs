//! A drawn text as planes of YUV 4:2:0 with their opacity, at its place on the canvas.

use protocol::Colour;

use super::layout::Rect;
use super::paint::Yuv;
use crate::media::Picture;
use crate::text::Drawn;

/// Lies over all regions.
#[derive(Debug, PartialEq)]
pub struct Overlay {
    /// All four numbers are even.
    pub rect: Rect,
    /// Luma, blue and red difference.
    planes: [Plane; 3],
}

/// Level and opacity of each sample, row by row.
#[derive(Debug, PartialEq)]
struct Plane {
    width: usize,
    samples: Vec<(u8, u8)>,
}

impl Overlay {
    /// `x`, `y`: the pixel of the upper left corner. `None` where nothing is to be seen.
    pub fn new(drawn: &Drawn, x: u32, y: u32, opacity: f64) -> Option<Self> {
        if drawn.width == 0 || drawn.height == 0 {
            return None;
        }
        let seen = Rect {
            x,
            y,
            width: drawn.width,
            height: drawn.height,
        };
        let rect = seen.spread();
        let opacity = opacity.clamp(0.0, 1.0);
        let (left, top) = (x - rect.x, y - rect.y);
        // The colours of a text are few, and most of its pixels have none.
        let mut last = ([0; 3], Yuv::of(Colour::default()));
        let mut pixel = |x: u32, y: u32| {
            let (x, y) = (x.checked_sub(left)?, y.checked_sub(top)?);
            let index = y as usize * drawn.width as usize + x as usize;
            let [r, g, b, own] = *drawn.pixels.get(index).filter(|_| x < drawn.width)?;
            if last.0 != [r, g, b] {
                last = ([r, g, b], Yuv::of(Colour { r, g, b }));
            }
            let own = (f64::from(own) * opacity).round() as u8;
            (own > 0).then_some((last.1.0, own))
        };
        let whole: Vec<_> = (0..rect.height)
            .flat_map(|y| (0..rect.width).map(move |x| (x, y)))
            .map(|(x, y)| pixel(x, y))
            .collect();
        let luma = whole
            .iter()
            .map(|pixel| pixel.map_or((0, 0), |([level, ..], own)| (level, own)));
        let luma = Plane {
            width: rect.width as usize,
            samples: luma.collect(),
        };
        let chroma = |component: usize| {
            let (width, height) = (rect.width as usize, rect.height as usize);
            let cells = (0..height)
                .step_by(2)
                .flat_map(|y| (0..width).step_by(2).map(move |x| (x, y)));
            let sample = |(x, y): (usize, usize)| {
                let corners = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
                let pixels = corners
                    .iter()
                    .filter_map(|(x, y)| whole.get(y * width + x).copied().flatten());
                let (sum, weight) = pixels.fold((0, 0), |(sum, weight), (levels, own)| {
                    let own = u32::from(own);
                    (sum + u32::from(levels[component]) * own, weight + own)
                });
                let level = (sum + weight / 2).checked_div(weight).unwrap_or(0);
                (level as u8, (weight / 4) as u8)
            };
            Plane {
                width: width / 2,
                samples: cells.map(sample).collect(),
            }
        };
        Some(Self {
            rect,
            planes: [luma, chroma(1), chroma(2)],
        })
    }

    /// Blends it with what is on the canvas.
    pub fn blend(&self, canvas: &mut Picture) {
        for (index, own) in self.planes.iter().enumerate() {
            let shift = usize::from(index > 0);
            let (left, top) = (self.rect.x as usize >> shift, self.rect.y as usize >> shift);
            let mut plane = canvas.plane_mut(index);
            for (y, samples) in own.samples.chunks(own.width).enumerate() {
                let row = plane.row_mut(top + y).get_mut(left..).unwrap_or_default();
                for (sample, (level, opacity)) in row.iter_mut().zip(samples) {
                    let (new, old) = (u32::from(*level), u32::from(*sample));
                    let own = u32::from(*opacity);
                    *sample = ((new * own + old * (255 - own) + 127) / 255) as u8;
                }
            }
        }
    }
}
