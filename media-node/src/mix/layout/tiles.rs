//! Automatic layouts of tiles: which streams are tiles, and where they are.

use protocol::{StreamKind, Tiles};

use super::{Area, Seen, Size, WHOLE};

/// The shape of a tile, width divided by height. A single one takes the shape of the canvas.
const SHAPE: f64 = 16.0 / 9.0;

/// The fewest small tiles that fill a side of the canvas: few of them are not larger than that.
const FEWEST_PARTS: usize = 4;

/// The index of a user in the order of joining, and one of the user's streams.
pub type Tile = (usize, StreamKind);

/// All tiles in their order.
pub fn tiles(tiles: &Tiles, users: &[Seen<'_>]) -> Vec<Tile> {
    let mut found: Vec<Tile> = Vec::new();
    for kind in &tiles.order {
        for (user, seen) in users.iter().enumerate() {
            if seen.streams.contains(kind) && !found.contains(&(user, *kind)) {
                found.push((user, *kind));
            }
        }
    }
    found
}

/// Puts the large tile in front: of the named user's the named stream, else the first. Without that user it is the first user's.
pub fn put_large_first(tiles: &mut [Tile], users: &[Seen<'_>], uid: Option<&str>, stream: Option<StreamKind>) {
    let named = users.iter().position(|seen| Some(seen.uid) == uid);
    let rank = |(user, kind): &Tile| {
        (
            Some(*user) != named,
            stream.is_some_and(|stream| stream != *kind),
            *user,
        )
    };
    let ranked = tiles.iter().enumerate();
    let large = ranked.min_by_key(|(index, tile)| (rank(tile), *index));
    if let Some((large, _)) = large
        && let Some(before) = tiles.get_mut(..=large)
    {
        before.rotate_right(1);
    }
}

/// Tiles of equal size, as large as they can be, in rows in the middle of the canvas; the tiles of a last row that is not full
/// stand in its middle.
pub fn even(count: usize, canvas: Size) -> Vec<Area> {
    match count {
        0 | 1 => vec![WHOLE; count],
        _ => rows(count, WHOLE, canvas),
    }
}

/// One large tile, which comes first, and small ones: on a wide canvas in a column on its right, and when that is full in a row
/// below it; on a tall one in rows below it.
pub fn master(count: usize, canvas: Size) -> Vec<Area> {
    let small = match count {
        0 | 1 => return even(count, canvas),
        _ => count - 1,
    };
    if canvas.height > canvas.width {
        let height = (f64::from(canvas.width) / SHAPE / f64::from(canvas.height)).min(0.5);
        let below = Area {
            y: height,
            height: 1.0 - height,
            ..WHOLE
        };
        let mut areas = vec![Area { height, ..WHOLE }];
        areas.extend(rows(small, below, canvas));
        return areas;
    }
    // In parts of a box of the tiles' shape: the large tile leaves one part of each side, for a column and a row.
    let parts = (small / 2 + 1).max(FEWEST_PARTS);
    let (beside, below) = (small.min(parts), small.saturating_sub(parts));
    let [all, large, beside_parts, below_parts] = [parts, parts - 1, beside, below].map(|count| count as f64);
    let frame = middle_of(WHOLE, canvas);
    let place = |x: f64, y: f64, size: f64| Area {
        x: frame.x + x / all * frame.width,
        y: frame.y + y / all * frame.height,
        width: size / all * frame.width,
        height: size / all * frame.height,
    };
    let top = if below > 0 { 0.0 } else { 0.5 };
    let column = (all - beside_parts) / 2.0;
    let row = (large - below_parts) / 2.0;
    let mut areas = vec![place(0.0, top, large)];
    areas.extend((0..beside).map(|index| place(large, column + index as f64, 1.0)));
    areas.extend((0..below).map(|index| place(row + index as f64, large, 1.0)));
    areas
}

/// Rows of tiles in the middle of a part of the canvas, with as many columns as make them largest.
fn rows(count: usize, within: Area, canvas: Size) -> Vec<Area> {
    let (width, height) = (
        within.width * f64::from(canvas.width),
        within.height * f64::from(canvas.height),
    );
    let tile_width = |columns: usize| {
        let rows = count.div_ceil(columns) as f64;
        (width / columns as f64).min(height / rows * SHAPE)
    };
    // Of those that are alike, the most columns.
    let columns = (1..=count).max_by(|one, other| {
        let [one, other] = [*one, *other].map(|columns| tile_width(columns).round());
        one.total_cmp(&other)
    });
    let columns = columns.unwrap_or(1);
    let rows = count.div_ceil(columns);
    let tile = Area {
        width: tile_width(columns) / f64::from(canvas.width),
        height: tile_width(columns) / SHAPE / f64::from(canvas.height),
        ..WHOLE
    };
    let middle = |start: f64, length: f64, filled: f64| start + (length - filled) / 2.0;
    let top = middle(within.y, within.height, rows as f64 * tile.height);
    let place = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        let in_row = (count - row * columns).min(columns) as f64;
        let left = middle(within.x, within.width, in_row * tile.width);
        Area {
            x: left + column as f64 * tile.width,
            y: top + row as f64 * tile.height,
            ..tile
        }
    };
    (0..count).map(place).collect()
}

/// The largest area of the tiles' shape in the middle of another.
fn middle_of(within: Area, canvas: Size) -> Area {
    rows(1, within, canvas).first().copied().unwrap_or(within)
}

#[cfg(test)]
mod tests;
