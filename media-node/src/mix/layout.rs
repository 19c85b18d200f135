//! The place of each user on the canvas: pure geometry, from the order of joining to pixel coordinates. `tiles` has the
//! layouts in which streams, not users, have places.

mod tiles;

use std::collections::BTreeSet;

use protocol::{CustomRegion, Fill, Layout, StreamKind};

/// The most regions on one canvas; further users are heard, not seen.
pub const MAX_REGIONS: usize = 17;

/// A canvas in pixels, both sides even and at least 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    pub fn even(width: u32, height: u32) -> Self {
        Self {
            width: (width & !1).max(2),
            height: (height & !1).max(2),
        }
    }
}

/// An area in pixels. Where all four are even, it falls on whole chroma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub fn of(size: Size) -> Self {
        Self {
            x: 0,
            y: 0,
            width: size.width,
            height: size.height,
        }
    }

    /// The smallest area of even coordinates around it.
    pub fn spread(self) -> Self {
        let (x, y) = (self.x & !1, self.y & !1);
        Self {
            x,
            y,
            width: (self.x + self.width).next_multiple_of(2) - x,
            height: (self.y + self.height).next_multiple_of(2) - y,
        }
    }

    /// What two areas have in common, perhaps nothing.
    pub fn common(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let right = (self.x + self.width).min(other.x + other.width);
        let bottom = (self.y + self.height).min(other.y + other.height);
        Self {
            x,
            y,
            width: right.saturating_sub(x),
            height: bottom.saturating_sub(y),
        }
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// A user who has a place in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    pub uid: &'a str,
    /// The streams that bring pictures, where streams have places of their own.
    pub streams: BTreeSet<StreamKind>,
}

/// The place of one user's picture on the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Index in the order of joining.
    pub user: usize,
    /// One of the user's streams; without it, the user's picture.
    pub stream: Option<StreamKind>,
    /// What is painted: all four numbers are even.
    pub rect: Rect,
    /// What of it is seen, to the pixel: `rect`, but for at most one line at each edge. Chroma samples, which span two pixels each
    /// way, are those of `rect`.
    pub seen: Rect,
    pub fill: Fill,
    /// 0 transparent … 256 opaque.
    pub alpha: u16,
}

/// Fractions of the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

const WHOLE: Area = Area {
    x: 0.0,
    y: 0.0,
    width: 1.0,
    height: 1.0,
};

/// The regions of `users`, who are given in the order of their joining, in the order of drawing: a later one lies over
/// an earlier one. A user without a region is not in the answer.
pub fn arrange(layout: &Layout, canvas: Size, users: &[Seen<'_>]) -> Vec<Region> {
    let place = |user, area, fill, alpha| {
        let rect = pixels(area, canvas);
        (rect.width > 0 && rect.height > 0).then_some(Region {
            user,
            stream: None,
            rect,
            seen: rect,
            fill,
            alpha,
        })
    };
    let tiled = |tiles: &[tiles::Tile], areas: Vec<Area>, fill| {
        let areas = tiles.iter().zip(areas);
        let regions = areas.filter_map(|((user, stream), area)| {
            let stream = Some(*stream);
            Some(Region {
                stream,
                ..place(*user, area, fill, OPAQUE)?
            })
        });
        regions.collect()
    };
    let most = |tiles: &protocol::Tiles| usize::try_from(tiles.most).unwrap_or(MAX_REGIONS).min(MAX_REGIONS);
    let crop = |(user, area)| place(user, area, Fill::Crop, OPAQUE);
    let seen = users.len().min(MAX_REGIONS);
    match layout {
        Layout::Floating => (0..seen).map(|user| (user, floating(user))).filter_map(crop).collect(),
        Layout::BestFit => (0..seen)
            .map(|user| (user, best_fit(user, seen)))
            .filter_map(crop)
            .collect(),
        Layout::Vertical { large_uid, .. } => {
            let large = large_uid
                .as_deref()
                .and_then(|uid| users.iter().position(|user| user.uid == uid));
            let small: Vec<usize> = (0..users.len())
                .filter(|user| Some(*user) != large)
                .take(MAX_REGIONS - 1)
                .collect();
            let tier = Tier::of(small.len());
            let mut regions: Vec<Region> = large
                .and_then(|user| place(user, tier.large(), Fill::Fit, OPAQUE))
                .into_iter()
                .collect();
            regions.extend(
                small
                    .into_iter()
                    .enumerate()
                    .map(|(row, user)| (user, tier.small(row)))
                    .filter_map(crop),
            );
            regions
        }
        Layout::Custom { regions } => custom(regions, users)
            .filter_map(|(user, region)| {
                let seen = exact(region, canvas)?;
                Some(Region {
                    user,
                    stream: region.stream,
                    rect: seen.spread(),
                    seen,
                    fill: region.fill,
                    alpha: (region.alpha.clamp(0.0, 1.0) * f64::from(OPAQUE)).round() as u16,
                })
            })
            .collect(),
        Layout::Even { tiles } => {
            let mut chosen = tiles::tiles(tiles, users);
            chosen.truncate(most(tiles));
            tiled(&chosen, tiles::even(chosen.len(), canvas), tiles.fill)
        }
        Layout::Master {
            large_uid,
            large_stream,
            tiles,
        } => {
            let mut chosen = tiles::tiles(tiles, users);
            tiles::put_large_first(&mut chosen, users, large_uid.as_deref(), *large_stream);
            chosen.truncate(most(tiles));
            tiled(&chosen, tiles::master(chosen.len(), canvas), tiles.fill)
        }
    }
}

const OPAQUE: u16 = 256;

fn floating(user: usize) -> Area {
    let Some(small) = user.checked_sub(1) else {
        return WHOLE;
    };
    let (column, row) = ((small % 4) as f64, (small / 4) as f64);
    Area {
        x: 0.012 + column * 0.247,
        y: 1.0 - (row + 1.0) * 0.247,
        width: 0.235,
        height: 0.235,
    }
}

fn best_fit(user: usize, users: usize) -> Area {
    let grid = |columns: usize, rows: usize| {
        let (width, height) = (1.0 / columns as f64, 1.0 / rows as f64);
        let (column, row) = ((user % columns) as f64, (user / columns) as f64);
        Area {
            x: column / columns as f64,
            y: row / rows as f64,
            width,
            height,
        }
    };
    match users {
        0 | 1 => grid(1, 1),
        2 => grid(2, 1),
        3..=4 => grid(2, 2),
        5..=9 => grid(3, 3),
        10..=16 => grid(4, 4),
        _ if user < 16 => {
            let (column, row) = ((user % 4) as f64, (user / 4) as f64);
            Area {
                x: 0.1 + 0.2 * column,
                y: 0.2 * row,
                width: 0.2,
                height: 0.2,
            }
        }
        _ => Area {
            x: 0.4,
            y: 0.8,
            width: 0.2,
            height: 0.2,
        },
    }
}

/// The vertical layout's division for a number of small regions.
struct Tier {
    /// The small regions' part of the width of the canvas is `1 / parts` a column.
    parts: f64,
    columns: f64,
    rows: usize,
}

impl Tier {
    fn of(small: usize) -> Self {
        match small {
            0..=4 => Self {
                parts: 5.0,
                columns: 1.0,
                rows: 4,
            },
            5..=6 => Self {
                parts: 7.0,
                columns: 1.0,
                rows: 6,
            },
            7..=8 => Self {
                parts: 9.0,
                columns: 1.0,
                rows: 8,
            },
            _ => Self {
                parts: 10.0,
                columns: 2.0,
                rows: 8,
            },
        }
    }

    fn large(&self) -> Area {
        Area {
            x: 0.0,
            y: 0.0,
            width: (self.parts - self.columns) / self.parts,
            height: 1.0,
        }
    }

    /// The rightmost column fills first, from the top.
    fn small(&self, index: usize) -> Area {
        let (column, row) = ((index / self.rows) as f64, (index % self.rows) as f64);
        let rows = self.rows as f64;
        Area {
            x: (self.parts - 1.0 - column) / self.parts,
            y: row / rows,
            width: 1.0 / self.parts,
            height: 1.0 / rows,
        }
    }
}

/// Each region with its user. Regions that name a user go to that user; the others fill in the order of joining with
/// the users whom no region names, those of a stream with the users who send it and for whom no region of it is named.
fn custom<'a>(regions: &'a [CustomRegion], users: &[Seen<'_>]) -> impl Iterator<Item = (usize, &'a CustomRegion)> {
    let is_named = |uid: &str, stream: Option<StreamKind>| {
        let mut own = regions.iter().filter(|region| region.uid.as_deref() == Some(uid));
        own.any(|region| stream.is_none() || region.stream == stream)
    };
    let mut given: Vec<(usize, Option<StreamKind>)> = Vec::new();
    let owners: Vec<Option<usize>> = regions
        .iter()
        .take(MAX_REGIONS)
        .map(|region| match &region.uid {
            Some(uid) => users.iter().position(|user| user.uid == uid),
            None => {
                let stream = region.stream;
                let fits = |(user, seen): &(usize, &Seen<'_>)| {
                    let sends = stream.is_none_or(|stream| seen.streams.contains(&stream));
                    sends && !is_named(seen.uid, stream) && !given.contains(&(*user, stream))
                };
                let (user, _) = users.iter().enumerate().find(fits)?;
                given.push((user, stream));
                Some(user)
            }
        })
        .collect();
    owners
        .into_iter()
        .zip(regions)
        .filter_map(|(user, region)| Some((user?, region)))
}

/// Edges, not sizes, are rounded: neighbours share their edge, so that cells tile the canvas without a gap.
fn pixels(area: Area, canvas: Size) -> Rect {
    let (left, right) = (even(area.x, canvas.width), even(area.x + area.width, canvas.width));
    let (top, bottom) = (even(area.y, canvas.height), even(area.y + area.height, canvas.height));
    Rect {
        x: left,
        y: top,
        width: right.saturating_sub(left),
        height: bottom.saturating_sub(top),
    }
}

/// The place of a region whose edges are at the pixels nearest to what it says.
fn exact(region: &CustomRegion, canvas: Size) -> Option<Rect> {
    let edge = |fraction: f64, length: u32| {
        let length = f64::from(length);
        (fraction * length + 1e-6).round().clamp(0.0, length) as u32
    };
    let (left, right) = (
        edge(region.x, canvas.width),
        edge(region.x + region.width, canvas.width),
    );
    let (top, bottom) = (
        edge(region.y, canvas.height),
        edge(region.y + region.height, canvas.height),
    );
    (left < right && top < bottom).then(|| Rect {
        x: left,
        y: top,
        width: right - left,
        height: bottom - top,
    })
}

/// The even pixel nearest to a fraction of `length`. The tiny shift keeps a fraction that falls between two even pixels
/// from going either way by an error of floating point.
fn even(fraction: f64, length: u32) -> u32 {
    let pairs = (fraction * f64::from(length) / 2.0 + 1e-6)
        .round()
        .clamp(0.0, f64::from(length / 2));
    pairs as u32 * 2
}

#[cfg(test)]
mod tests;
