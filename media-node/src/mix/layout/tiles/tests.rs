use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use protocol::{Fill, Layout, StreamKind, Tiles};

use super::super::{MAX_REGIONS, Rect, Region, arrange};
use super::*;

const FULL_HD: Size = Size {
    width: 1920,
    height: 1080,
};
const SIZES: [Size; 6] = [
    FULL_HD,
    Size {
        width: 1280,
        height: 720,
    },
    Size {
        width: 854,
        height: 480,
    },
    Size {
        width: 640,
        height: 480,
    },
    Size {
        width: 720,
        height: 1280,
    },
    Size {
        width: 360,
        height: 640,
    },
];

fn cameras(count: usize) -> Vec<String> {
    (1..=count).map(|user| user.to_string()).collect()
}

fn tiles_of(most: u32, order: &[StreamKind]) -> Tiles {
    Tiles {
        most,
        fill: Fill::Crop,
        order: order.to_vec(),
    }
}

fn even_of(tiles: Tiles) -> Layout {
    Layout::Even { tiles }
}

fn master_of(tiles: Tiles, uid: Option<&str>, stream: Option<StreamKind>) -> Layout {
    Layout::Master {
        large_uid: uid.map(str::to_owned),
        large_stream: stream,
        tiles,
    }
}

fn both() -> [Layout; 2] {
    let tiles = || tiles_of(16, &[StreamKind::Camera]);
    [even_of(tiles()), master_of(tiles(), None, None)]
}

fn arranged(layout: &Layout, canvas: Size, count: usize) -> Vec<Region> {
    let names = cameras(count);
    let seen: Vec<Seen<'_>> = names
        .iter()
        .map(|uid| Seen {
            uid,
            streams: BTreeSet::from([StreamKind::Camera]),
        })
        .collect();
    arrange(layout, canvas, &seen)
}

fn shape(rect: Rect) -> f64 {
    f64::from(rect.width) / f64::from(rect.height)
}

#[test]
fn tiles_are_inside_apart_and_in_shape_for_every_number_of_them() {
    for canvas in SIZES {
        for layout in both() {
            for count in 0..=16 {
                let regions = arranged(&layout, canvas, count);
                let what = format!("{count} tiles of {layout:?} on {canvas:?}");
                assert_eq!(regions.len(), count, "{what}");
                for (index, region) in regions.iter().enumerate() {
                    let rect = region.rect;
                    assert_eq!((rect, region.stream), (region.seen, Some(StreamKind::Camera)));
                    assert!(
                        [rect.x, rect.y, rect.width, rect.height]
                            .iter()
                            .all(|number| number % 2 == 0)
                    );
                    assert!(
                        rect.x + rect.width <= canvas.width && rect.y + rect.height <= canvas.height,
                        "{what}"
                    );
                    assert!(
                        regions[..index].iter().all(|other| !other.rect.overlaps(&rect)),
                        "{what}"
                    );
                    // Even pixels are as near to the shape as two pixels each way.
                    let off = 4.0 / f64::from(rect.height);
                    assert!(
                        count == 1 || (shape(rect) - SHAPE).abs() < off * SHAPE,
                        "{what}: {rect:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn tiles_stand_in_the_middle_of_the_canvas() {
    for canvas in SIZES {
        for layout in both() {
            for count in 1..=16 {
                let regions = arranged(&layout, canvas, count);
                let edge = |edges: Vec<u32>| (*edges.iter().min().unwrap(), *edges.iter().max().unwrap());
                let (left, _) = edge(regions.iter().map(|region| region.rect.x).collect());
                let (_, right) = edge(regions.iter().map(|region| region.rect.x + region.rect.width).collect());
                let (top, _) = edge(regions.iter().map(|region| region.rect.y).collect());
                let (_, bottom) = edge(
                    regions
                        .iter()
                        .map(|region| region.rect.y + region.rect.height)
                        .collect(),
                );
                let is_middle = |before: u32, after: u32| before.abs_diff(after) <= 2;
                let what = format!("{count} tiles of {layout:?} on {canvas:?}");
                assert!(is_middle(left, canvas.width - right), "{what}: {left} {right}");
                let is_tall = canvas.height > canvas.width && matches!(layout, Layout::Master { .. });
                assert!(
                    is_tall || is_middle(top, canvas.height - bottom),
                    "{what}: {top} {bottom}"
                );
            }
        }
    }
}

/// The places in a picture of 16:9 in 1920ths of its width, as a person would draw them.
#[test]
fn even_tiles_are_where_a_person_would_put_them() {
    let places = |count| {
        let regions = arranged(&both()[0], FULL_HD, count);
        let place = |region: &Region| [region.rect.x, region.rect.y, region.rect.width, region.rect.height];
        regions.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places(1), [[0, 0, 1920, 1080]]);
    assert_eq!(places(2), [[0, 270, 960, 540], [960, 270, 960, 540]]);
    assert_eq!(places(3), [[0, 0, 960, 540], [960, 0, 960, 540], [480, 540, 960, 540]]);
    assert_eq!(places(4)[3], [960, 540, 960, 540]);
    assert_eq!(places(5)[0], [0, 180, 640, 360]);
    assert_eq!(places(5)[3..], [[320, 540, 640, 360], [960, 540, 640, 360]]);
    assert_eq!(places(7)[6], [640, 720, 640, 360]);
    assert_eq!(places(9)[8], [1280, 720, 640, 360]);
    assert_eq!(places(13)[12], [720, 810, 480, 270]);
    assert_eq!(places(16)[15], [1440, 810, 480, 270]);
}

#[test]
fn the_large_tile_stays_as_large_as_it_can_and_small_ones_stay_readable() {
    for count in 2..=16 {
        let regions = arranged(&both()[1], FULL_HD, count);
        let (large, small) = (regions[0].rect, &regions[1..]);
        assert!(large.width >= 1440, "{count}: {large:?}");
        assert_eq!(large.x, 0);
        let least = if count <= 8 { 480 } else { 240 };
        assert!(
            small.iter().all(|region| region.rect.width >= least),
            "{count}: {small:?}"
        );
        assert!(
            small
                .iter()
                .all(|region| region.rect.width.abs_diff(small[0].rect.width) <= 2)
        );
    }
    let places = |count| {
        let regions = arranged(&both()[1], FULL_HD, count);
        let place = |region: &Region| [region.rect.x, region.rect.y, region.rect.width, region.rect.height];
        regions.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places(2), [[0, 136, 1440, 810], [1440, 406, 480, 270]]);
    assert_eq!(places(5)[1..], [0, 270, 540, 810].map(|y| [1440, y, 480, 270]));
    assert_eq!(places(8)[0], [0, 0, 1440, 810]);
    assert_eq!(places(8)[5..], [0, 480, 960].map(|x| [x, 810, 480, 270]));
}

#[test]
fn on_a_tall_canvas_the_large_tile_is_on_top() {
    let canvas = Size {
        width: 720,
        height: 1280,
    };
    for count in 2..=16 {
        let regions = arranged(&both()[1], canvas, count);
        let large = regions[0].rect;
        assert_eq!((large.x, large.y, large.width), (0, 0, 720));
        assert!(regions[1..].iter().all(|region| region.rect.y >= large.height));
    }
}

#[test]
fn tiles_go_by_kind_and_then_by_the_order_of_joining() {
    use StreamKind::{Camera, Screen, Whiteboard};
    let seen = [
        Seen {
            uid: "a",
            streams: BTreeSet::from([Camera, Whiteboard]),
        },
        Seen {
            uid: "b",
            streams: BTreeSet::from([Camera, Screen]),
        },
        Seen {
            uid: "c",
            streams: BTreeSet::new(),
        },
        Seen {
            uid: "d",
            streams: BTreeSet::from([Screen]),
        },
    ];
    let tiles = |layout: &Layout| {
        let regions = arrange(layout, FULL_HD, &seen);
        let tile = |region: Region| (seen[region.user].uid, region.stream.unwrap());
        regions.into_iter().map(tile).collect::<Vec<_>>()
    };
    let order = [Screen, Camera, Whiteboard];
    let all = [
        ("b", Screen),
        ("d", Screen),
        ("a", Camera),
        ("b", Camera),
        ("a", Whiteboard),
    ];
    assert_eq!(tiles(&even_of(tiles_of(9, &order))), all);
    assert_eq!(tiles(&even_of(tiles_of(3, &order))), all[..3]);
    assert_eq!(tiles(&even_of(tiles_of(9, &[Camera, Camera]))), [all[2], all[3]]);
    assert_eq!(tiles(&even_of(tiles_of(0, &order))), []);

    let large = |uid, stream, most| tiles(&master_of(tiles_of(most, &order), uid, stream))[0];
    assert_eq!(large(None, None, 9), ("a", Camera), "the first user's first");
    assert_eq!(large(None, Some(Screen), 9), ("b", Screen));
    assert_eq!(large(Some("b"), None, 9), ("b", Screen));
    assert_eq!(large(Some("b"), Some(Camera), 9), ("b", Camera));
    assert_eq!(
        large(Some("b"), Some(Whiteboard), 9),
        ("b", Screen),
        "there is no whiteboard"
    );
    assert_eq!(large(Some("c"), None, 9), ("a", Camera), "that user sends no pictures");
    assert_eq!(
        large(Some("a"), Some(Whiteboard), 2),
        ("a", Whiteboard),
        "it would be beyond the last"
    );
    let others = tiles(&master_of(tiles_of(9, &order), Some("a"), Some(Whiteboard)));
    assert_eq!(others[1..], all[..4], "the others keep their order");
}

#[test]
fn there_are_no_more_tiles_than_regions() {
    let many = even_of(tiles_of(u32::MAX, &[StreamKind::Camera]));
    assert_eq!(arranged(&many, FULL_HD, 40).len(), MAX_REGIONS);
}

/// The pictures in docs/mixing.md show what the code does; with `TAPEDECK_WRITE_IMAGES=1` this writes them.
#[test]
fn the_pictures_in_the_documents_show_these_layouts() {
    let wanted = std::env::var_os("TAPEDECK_WRITE_IMAGES").is_some();
    for (layout, name) in both().iter().zip(["even", "master"]) {
        let path = PathBuf::from(format!(
            "{}/../docs/images/layout-{name}.svg",
            env!("CARGO_MANIFEST_DIR")
        ));
        let drawn = drawing(layout);
        if wanted {
            std::fs::write(&path, &drawn).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == drawn, "{} is out of date: write it anew", path.display());
    }
}

/// All numbers of tiles from 1 to 16, four in a row.
fn drawing(layout: &Layout) -> String {
    const CANVAS: Size = Size {
        width: 320,
        height: 180,
    };
    const GAP: u32 = 24;
    let mut svg = String::new();
    let (width, height) = (4 * (CANVAS.width + GAP) + GAP, 4 * (CANVAS.height + GAP) + GAP);
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"20\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    )
    .unwrap();
    for count in 1..=16 {
        let (column, row) = ((count as u32 - 1) % 4, (count as u32 - 1) / 4);
        let (left, top) = (GAP + column * (CANVAS.width + GAP), GAP + row * (CANVAS.height + GAP));
        let Size { width, height } = CANVAS;
        writeln!(
            svg,
            "<g transform=\"translate({left} {top})\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#1b2733\"/>"
        )
        .unwrap();
        for (index, region) in arranged(layout, CANVAS, count).iter().enumerate() {
            let Rect { x, y, width, height } = region.rect;
            let fill = if index == 0 { "#f2b134" } else { "#6fa8dc" };
            let (across, down) = (x + width / 2, y + height / 2 + 7);
            writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" stroke=\"#1b2733\"/>\
                 <text x=\"{across}\" y=\"{down}\" text-anchor=\"middle\">{}</text>",
                index + 1
            )
            .unwrap();
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}
