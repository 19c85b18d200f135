use super::*;

/// Written from the published tables of the layouts, not by the code: layout, canvas and number of users, then each
/// user's corner and size in the order of drawing. The large user of the vertical layout is the first one.
const GOLDEN: &str = include_str!("golden/layouts.txt");

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|user| user.to_string()).collect()
}

fn seen<'a>(uids: impl IntoIterator<Item = &'a str>) -> Vec<Seen<'a>> {
    let streams = BTreeSet::new();
    let seen = |uid| Seen {
        uid,
        streams: streams.clone(),
    };
    uids.into_iter().map(seen).collect()
}

fn arranged(layout: &Layout, canvas: Size, users: usize) -> Vec<Region> {
    let names = names(users);
    arrange(layout, canvas, &seen(names.iter().map(String::as_str)))
}

const HD: Size = Size {
    width: 1280,
    height: 720,
};

#[test]
fn every_layout_is_as_published_for_every_number_of_users() {
    let mut checked = 0;
    for line in GOLDEN.lines() {
        let (head, expected) = line.split_once(": ").unwrap();
        let [layout, canvas, users] = head.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{head}")
        };
        let layout = match layout {
            "floating" => Layout::Floating,
            "best_fit" => Layout::BestFit,
            "vertical" => Layout::Vertical {
                large_uid: Some("1".to_owned()),
                large_speaker: false,
            },
            "vertical_without_large" => Layout::Vertical {
                large_uid: None,
                large_speaker: false,
            },
            other => panic!("{other}"),
        };
        let (width, height) = canvas.split_once('x').unwrap();
        let canvas = Size {
            width: width.parse().unwrap(),
            height: height.parse().unwrap(),
        };
        let regions = arranged(&layout, canvas, users.parse().unwrap()).into_iter();
        let found: Vec<String> = regions
            .map(|Region { user, rect, .. }| {
                format!("{} {},{} {}x{}", user + 1, rect.x, rect.y, rect.width, rect.height)
            })
            .collect();
        assert_eq!(found.join("; "), expected, "{head}");
        checked += 1;
    }
    assert_eq!(checked, 3 * 4 * 19);
}

#[test]
fn everybody_is_cropped_and_opaque_but_the_large_user_of_the_vertical_layout_is_whole() {
    for layout in [
        Layout::Floating,
        Layout::BestFit,
        Layout::Vertical {
            large_uid: Some("3".to_owned()),
            large_speaker: false,
        },
    ] {
        for region in arranged(&layout, HD, 5) {
            let large = matches!(layout, Layout::Vertical { .. }) && region.user == 2;
            assert_eq!(region.fill, if large { Fill::Fit } else { Fill::Crop });
            assert_eq!(region.alpha, 256);
        }
    }
}

#[test]
fn grids_tile_the_canvas_without_gap_or_overlap() {
    for (width, height) in [(1280, 720), (854, 480), (642, 358), (1078, 1918)] {
        let canvas = Size { width, height };
        for users in [1, 2, 4, 9, 16] {
            let regions = arranged(&Layout::BestFit, canvas, users);
            let area: u32 = regions
                .iter()
                .map(|region| region.rect.width * region.rect.height)
                .sum();
            assert_eq!(area, width * height, "{users} users on {canvas:?}");
            for (index, region) in regions.iter().enumerate() {
                assert!(regions[..index].iter().all(|other| !other.rect.overlaps(&region.rect)));
            }
        }
    }
}

#[test]
fn when_a_user_leaves_the_later_ones_move_up() {
    let before = arrange(&Layout::Floating, HD, &seen(["a", "b", "c", "d"]));
    let after = arrange(&Layout::Floating, HD, &seen(["a", "c", "d"]));
    let rects = |regions: &[Region]| regions.iter().map(|region| region.rect).collect::<Vec<_>>();
    assert_eq!(rects(&after), rects(&before)[..3]);
    assert_eq!(after[1].user, 1);
}

#[test]
fn an_absent_large_user_leaves_its_region_to_the_background() {
    let regions = arranged(
        &Layout::Vertical {
            large_uid: Some("9999".to_owned()),
            large_speaker: false,
        },
        HD,
        5,
    );
    assert_eq!(regions.len(), 5);
    assert!(
        regions.iter().all(|region| region.rect.x >= 1096),
        "five small users stand in the tier of six"
    );
}

fn custom_region(uid: Option<&str>, x: f64, alpha: f64) -> CustomRegion {
    let uid = uid.map(str::to_owned);
    CustomRegion {
        uid,
        stream: None,
        x,
        y: 0.25,
        width: 0.2,
        height: 0.5,
        alpha,
        fill: Fill::Fit,
    }
}

#[test]
fn custom_regions_go_to_their_users_and_the_rest_in_the_order_of_joining() {
    let regions = vec![
        custom_region(None, 0.0, 1.0),
        custom_region(Some("2"), 0.2, 0.5),
        custom_region(Some("absent"), 0.4, 1.0),
        custom_region(None, 0.6, 0.0),
        custom_region(None, 0.8, 1.0),
    ];
    let found = arranged(&Layout::Custom { regions }, HD, 3);
    let place = |user, x, alpha| {
        let rect = Rect {
            x,
            y: 180,
            width: 256,
            height: 360,
        };
        Region {
            user,
            stream: None,
            rect,
            seen: rect,
            fill: Fill::Fit,
            alpha,
        }
    };
    assert_eq!(found, [place(0, 0, 256), place(1, 256, 128), place(2, 768, 0)]);
}

#[test]
fn a_custom_layout_can_show_one_user_twice_and_none_beyond_seventeen_regions() {
    let twice = vec![custom_region(Some("1"), 0.0, 1.0), custom_region(Some("1"), 0.5, 1.0)];
    let found = arranged(&Layout::Custom { regions: twice }, HD, 2);
    assert_eq!(found.iter().map(|region| region.user).collect::<Vec<_>>(), [0, 0]);
    let many = vec![custom_region(None, 0.0, 1.0); 20];
    assert_eq!(arranged(&Layout::Custom { regions: many }, HD, 20).len(), 17);
}

#[test]
fn regions_too_small_for_a_pixel_are_left_out_and_what_stands_over_the_edge_is_cut() {
    let mut tiny = custom_region(None, 0.0, 1.0);
    tiny.width = 0.0002;
    assert!(arranged(&Layout::Custom { regions: vec![tiny] }, HD, 1).is_empty());
    let found = arranged(
        &Layout::Custom {
            regions: vec![custom_region(None, 0.9, 1.0)],
        },
        HD,
        1,
    );
    assert_eq!(
        found[0].rect,
        Rect {
            x: 1152,
            y: 180,
            width: 128,
            height: 360
        }
    );
}

#[test]
fn an_odd_canvas_is_rounded_down() {
    assert_eq!(
        Size::even(641, 361),
        Size {
            width: 640,
            height: 360
        }
    );
    assert_eq!(Size::even(1, 0), Size { width: 2, height: 2 });
}

#[test]
fn rectangles_in_pixels_that_come_as_fractions_are_at_their_pixels() {
    let canvas = Size {
        width: 1920,
        height: 1080,
    };
    let mut noise = 7_u64;
    let mut below = |limit: u32| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (noise >> 33) as u32 % limit
    };
    for _ in 0..5_000 {
        let (x, y) = (below(1920), below(1080));
        let (width, height) = (1 + below(1920 - x), 1 + below(1080 - y));
        let part = |pixels: u32, length: u32| f64::from(pixels) / f64::from(length);
        // What travels has six digits at least.
        let wire = |fraction: f64| (fraction * 1e6).round() / 1e6;
        let exact = [part(x, 1920), part(y, 1080), part(width, 1920), part(height, 1080)];
        for [x_part, y_part, width_part, height_part] in [exact, exact.map(wire)] {
            let region = CustomRegion {
                x: x_part,
                y: y_part,
                width: width_part,
                height: height_part,
                ..custom_region(Some("1"), 0.0, 1.0)
            };
            let found = arranged(&Layout::Custom { regions: vec![region] }, canvas, 1)[0];
            let expected = Rect { x, y, width, height };
            assert_eq!(found.seen, expected);
            assert_eq!(found.rect, expected.spread());
        }
    }
}

#[test]
fn regions_of_streams_go_to_those_who_send_them() {
    let user = |uid, streams: &[StreamKind]| Seen {
        uid,
        streams: streams.iter().copied().collect(),
    };
    let seen = [
        user("a", &[StreamKind::Camera]),
        user("b", &[StreamKind::Camera, StreamKind::Screen]),
        user("c", &[StreamKind::Screen]),
    ];
    let region = |uid: Option<&str>, stream, x| CustomRegion {
        stream: Some(stream),
        ..custom_region(uid, x, 1.0)
    };
    let regions = vec![
        region(Some("b"), StreamKind::Screen, 0.0),
        region(Some("b"), StreamKind::Camera, 0.2),
        region(None, StreamKind::Screen, 0.4),
        region(None, StreamKind::Screen, 0.6),
        region(None, StreamKind::Camera, 0.8),
    ];
    let found = arrange(&Layout::Custom { regions }, HD, &seen);
    let tiles: Vec<_> = found
        .iter()
        .map(|region| (seen[region.user].uid, region.rect.x))
        .collect();
    assert_eq!(
        tiles,
        [("b", 0), ("b", 256), ("c", 512), ("a", 1024)],
        "one screen is left over"
    );
}
