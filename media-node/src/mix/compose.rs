//! The canvas: each user's picture scaled into its region. A region is scaled again only when its picture or its place
//! changed, and painted again only when it, or something that it overlaps, changed. Texts lie over all regions.

use protocol::{Colour, Fill};

use super::layout::{Rect, Region, Size};
use super::overlay::Overlay;
use super::paint::{self, BLACK, Yuv};
use crate::media::{Crop, MediaError, Picture, Scaler};

/// What a region shows.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub picture: &'a Picture,
    /// Differs between two pictures of different content of the same user.
    pub id: u64,
    /// Instead of the region's own.
    pub fill: Option<Fill>,
}

pub struct Composer {
    size: Size,
    canvas: Picture,
    colour: Yuv,
    /// The background image, in the canvas's size.
    image: Option<Picture>,
    slots: Vec<Slot>,
    overlays: Vec<Layer>,
    repaint: bool,
}

/// An overlay, which may show nothing.
struct Layer {
    overlay: Option<Overlay>,
    dirty: bool,
}

/// What is painted together.
#[derive(Clone, Copy)]
struct Area {
    rect: Rect,
    is_translucent: bool,
    dirty: bool,
}

const NOWHERE: Rect = Rect {
    x: 0,
    y: 0,
    width: 0,
    height: 0,
};

/// One region and what it shows.
pub struct Slot {
    region: Region,
    /// The stream of a user whose region it is, whatever the order of joining.
    owner: u64,
    scaler: Scaler,
    shown: Option<Shown>,
    dirty: bool,
    /// The outline of what it shows changed, so that what was behind it comes out.
    moved: bool,
}

struct Shown {
    id: u64,
    fill: Fill,
    placed: Placed,
    scaled: Picture,
}

/// Which part of a picture goes where.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Placed {
    crop: Crop,
    /// Inside the region; the rest of it is black.
    area: Rect,
}

impl Composer {
    pub fn new(size: Size) -> Result<Self, MediaError> {
        let canvas = Picture::new(size.width, size.height)?;
        Ok(Self {
            size,
            canvas,
            colour: BLACK,
            image: None,
            slots: Vec::new(),
            overlays: Vec::new(),
            repaint: true,
        })
    }

    /// What lies behind all regions: the image, cropped to fill the canvas, else the colour.
    pub fn set_background(&mut self, colour: Colour, image: Option<&Picture>) -> Result<(), MediaError> {
        self.colour = Yuv::of(colour);
        self.image = None;
        self.repaint = true;
        if let Some(image) = image {
            let mut scaled = Picture::new(self.size.width, self.size.height)?;
            Scaler::default().scale(image, place(image, Rect::of(self.size), Fill::Crop).crop, &mut scaled)?;
            self.image = Some(scaled);
        }
        Ok(())
    }

    /// The regions in the order of drawing, each with a number that stands for the stream of a user.
    pub fn set_regions(&mut self, regions: impl IntoIterator<Item = (u64, Region)>) {
        let mut old = std::mem::take(&mut self.slots);
        self.repaint = true;
        self.slots = regions
            .into_iter()
            .map(|(owner, region)| {
                let same = |slot: &Slot| {
                    let (old, new) = (&slot.region, &region);
                    slot.owner == owner && old.rect == new.rect && old.fill == new.fill
                };
                match old.iter().position(same) {
                    Some(index) => Slot {
                        region,
                        ..old.swap_remove(index)
                    },
                    None => Slot::new(owner, region),
                }
            })
            .collect();
    }

    /// The regions in the order of drawing, to be given their pictures, by several threads if there is much to do.
    pub fn slots(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    /// Removes all overlays but the first ones.
    pub fn keep_overlays(&mut self, count: usize) {
        self.repaint |= self.overlays.len() > count;
        self.overlays.truncate(count);
    }

    /// Replaces one of the overlays, which are drawn in the order of their numbers.
    pub fn set_overlay(&mut self, index: usize, overlay: Option<Overlay>) {
        while self.overlays.len() <= index {
            self.overlays.push(Layer {
                overlay: None,
                dirty: false,
            });
        }
        if let Some(layer) = self.overlays.get_mut(index) {
            let place = |overlay: &Option<Overlay>| overlay.as_ref().map(|overlay| overlay.rect);
            self.repaint |= place(&layer.overlay) != place(&overlay);
            layer.overlay = overlay;
            layer.dirty = true;
        }
    }

    /// The composed picture, for the encoder.
    pub fn canvas(&self) -> &Picture {
        &self.canvas
    }

    /// Brings the canvas up to date. Answers whether it changed.
    pub fn paint(&mut self) -> Result<bool, MediaError> {
        for slot in &mut self.slots {
            self.repaint |= std::mem::take(&mut slot.moved);
        }
        if self.repaint {
            self.slots.iter_mut().for_each(|slot| slot.dirty = true);
            self.overlays.iter_mut().for_each(|layer| layer.dirty = true);
        } else {
            self.spread();
        }
        let layers = self.layers();
        if !self.repaint && !layers.iter().any(|layer| layer.dirty) {
            return Ok(false);
        }
        self.canvas.make_writable()?;
        if std::mem::take(&mut self.repaint) {
            self.paint_background(Rect::of(self.size));
        } else {
            for layer in layers.iter().filter(|layer| layer.dirty && layer.is_translucent) {
                self.paint_background(layer.rect);
            }
        }
        for slot in &mut self.slots {
            if std::mem::take(&mut slot.dirty) {
                slot.paint(&mut self.canvas);
            }
        }
        for layer in &mut self.overlays {
            if std::mem::take(&mut layer.dirty)
                && let Some(overlay) = &layer.overlay
            {
                overlay.blend(&mut self.canvas);
            }
        }
        Ok(true)
    }

    /// All that is painted, in the order of drawing.
    fn layers(&self) -> Vec<Area> {
        let slots = self.slots.iter().map(|slot| Area {
            rect: slot.region.rect,
            is_translucent: slot.translucent(),
            dirty: slot.dirty,
        });
        let overlays = self.overlays.iter().map(|layer| Area {
            rect: layer.overlay.as_ref().map_or(NOWHERE, |overlay| overlay.rect),
            is_translucent: true,
            dirty: layer.dirty,
        });
        slots.chain(overlays).collect()
    }

    /// Marks what must be painted again together with what changed: all that lies over it, and all that shines through.
    fn spread(&mut self) {
        let mut layers = self.layers();
        let mut grown = true;
        while std::mem::take(&mut grown) {
            for over in 1..layers.len() {
                for under in 0..over {
                    let (below, above) = (layers[under], layers[over]);
                    if below.dirty == above.dirty || !below.rect.overlaps(&above.rect) {
                        continue;
                    }
                    if below.dirty {
                        layers[over].dirty = true;
                    } else if above.is_translucent {
                        layers[under].dirty = true;
                    } else {
                        continue;
                    }
                    grown = true;
                }
            }
        }
        let slots = self.slots.iter_mut().map(|slot| &mut slot.dirty);
        let dirty = slots.chain(self.overlays.iter_mut().map(|layer| &mut layer.dirty));
        dirty.zip(layers).for_each(|(dirty, layer)| *dirty = layer.dirty);
    }

    fn paint_background(&mut self, rect: Rect) {
        match &self.image {
            Some(image) => paint::restore(&mut self.canvas, rect, image),
            None => paint::fill(&mut self.canvas, rect, rect, self.colour, 256),
        }
    }
}

impl Slot {
    fn new(owner: u64, region: Region) -> Self {
        Self {
            region,
            owner,
            scaler: Scaler::default(),
            shown: None,
            dirty: false,
            moved: false,
        }
    }

    fn translucent(&self) -> bool {
        self.region.alpha < 256
    }

    pub fn owner(&self) -> u64 {
        self.owner
    }

    /// Scales what is new. A picture that cannot be scaled leaves the region empty.
    pub fn show(&mut self, source: Option<Source<'_>>) -> Result<(), MediaError> {
        let Some(source) = source else {
            self.moved |= self.shown.take().is_some();
            return Ok(());
        };
        let fill = source.fill.unwrap_or(self.region.fill);
        if self
            .shown
            .as_ref()
            .is_some_and(|shown| shown.id == source.id && shown.fill == fill)
        {
            return Ok(());
        }
        let placed = place(source.picture, self.region.rect, fill);
        let before = self.shown.take();
        self.moved |= before.as_ref().is_none_or(|shown| shown.placed.area != placed.area);
        let scaled = match before {
            Some(shown) if shown.placed.area == placed.area => shown.scaled,
            _ => Picture::new(placed.area.width, placed.area.height)?,
        };
        let mut shown = Shown {
            id: source.id,
            fill,
            placed,
            scaled,
        };
        if let Err(error) = self.scaler.scale(source.picture, placed.crop, &mut shown.scaled) {
            self.moved = true;
            return Err(error);
        }
        self.shown = Some(shown);
        self.dirty = true;
        Ok(())
    }

    fn paint(&self, canvas: &mut Picture) {
        let Some(shown) = &self.shown else { return };
        let (outer, inner, alpha) = (self.region.rect, shown.placed.area, self.region.alpha);
        let seen = self.region.seen;
        for bar in bars(outer, inner) {
            paint::fill(canvas, bar, seen, BLACK, alpha);
        }
        paint::put(canvas, inner, seen, &shown.scaled, alpha);
    }
}

/// What of `outer` is not in `inner`: above, below, left and right of it.
fn bars(outer: Rect, inner: Rect) -> impl Iterator<Item = Rect> {
    let (right, bottom) = (inner.x + inner.width, inner.y + inner.height);
    [
        Rect {
            height: inner.y - outer.y,
            ..outer
        },
        Rect {
            y: bottom,
            height: outer.y + outer.height - bottom,
            ..outer
        },
        Rect {
            x: outer.x,
            width: inner.x - outer.x,
            ..inner
        },
        Rect {
            x: right,
            width: outer.x + outer.width - right,
            ..inner
        },
    ]
    .into_iter()
    .filter(|bar| bar.width > 0 && bar.height > 0)
}

/// Keeps the picture's shape: cuts it to the region's shape, or shrinks it into the region.
fn place(picture: &Picture, rect: Rect, fill: Fill) -> Placed {
    let (width, height) = picture.upright_size();
    let whole = Crop {
        x: 0,
        y: 0,
        width,
        height,
    };
    let shape = f64::from(width) * picture.sample_aspect() / f64::from(height.max(1));
    let target = f64::from(rect.width) / f64::from(rect.height);
    let wide = shape > target;
    match fill {
        Fill::Stretch => Placed {
            crop: whole,
            area: rect,
        },
        Fill::Crop if wide => {
            let (x, width) = middle(width, target / shape);
            Placed {
                crop: Crop { x, width, ..whole },
                area: rect,
            }
        }
        Fill::Crop => {
            let (y, height) = middle(height, shape / target);
            Placed {
                crop: Crop { y, height, ..whole },
                area: rect,
            }
        }
        Fill::Fit if wide => {
            let (y, height) = middle(rect.height, target / shape);
            Placed {
                crop: whole,
                area: Rect {
                    y: rect.y + y,
                    height,
                    ..rect
                },
            }
        }
        Fill::Fit => {
            let (x, width) = middle(rect.width, shape / target);
            Placed {
                crop: whole,
                area: Rect {
                    x: rect.x + x,
                    width,
                    ..rect
                },
            }
        }
    }
}

/// Even start and length of the middle part of a length.
fn middle(length: u32, part: f64) -> (u32, u32) {
    let even = (f64::from(length) * part / 2.0).round() as u32 * 2;
    let kept = even.clamp(2, length.max(2)).min(length);
    (((length - kept) / 2) & !1, kept)
}

#[cfg(test)]
mod tests;
