use protocol::Fill;

use super::super::testing::*;
use super::*;

const SIZE: Size = Size {
    width: 320,
    height: 180,
};

fn region(user: usize, x: u32, y: u32, width: u32, height: u32) -> Region {
    let seen = Rect { x, y, width, height };
    Region {
        user,
        stream: None,
        rect: seen.spread(),
        seen,
        fill: Fill::Crop,
        alpha: 256,
    }
}

struct Scene {
    composer: Composer,
    pictures: Vec<Option<(Picture, u64)>>,
}

impl Scene {
    /// A region each, for owners from 0 on.
    fn new(regions: &[Region]) -> Self {
        let mut composer = Composer::new(SIZE).unwrap();
        composer.set_background(Colour { r: 255, g: 0, b: 0 }, None).unwrap();
        composer.set_regions(regions.iter().map(|region| (region.user as u64, *region)));
        Self {
            composer,
            pictures: regions.iter().map(|_| None).collect(),
        }
    }

    fn set(&mut self, owner: usize, picture: Picture) {
        let id = self.pictures[owner].as_ref().map_or(1, |(_, id)| id + 1);
        self.pictures[owner] = Some((picture, id));
    }

    fn paint(&mut self) -> bool {
        for slot in self.composer.slots() {
            let picture = self.pictures[slot.owner() as usize].as_ref();
            slot.show(picture.map(|(picture, id)| Source {
                picture,
                id: *id,
                fill: None,
            }))
            .unwrap();
        }
        self.composer.paint().unwrap()
    }

    fn at(&self, x: f64, y: f64) -> Yuv {
        colour_at(self.composer.canvas(), x / 320.0, y / 180.0)
    }
}

fn between(a: Yuv, b: Yuv) -> Yuv {
    Yuv([0, 1, 2].map(|index| ((u16::from(a.0[index]) + u16::from(b.0[index])) / 2) as u8))
}

#[test]
fn later_regions_lie_over_earlier_ones_whichever_changes() {
    let mut scene = Scene::new(&[
        region(0, 0, 0, 320, 180),
        region(1, 80, 40, 160, 100),
        region(2, 160, 40, 160, 100),
    ]);
    scene.set(0, plain(64, 36, GREEN));
    scene.set(1, plain(64, 40, BLUE));
    scene.set(2, plain(64, 40, WHITE));
    assert!(scene.paint());
    let all = [
        (20.0, 20.0, GREEN),
        (100.0, 90.0, BLUE),
        (200.0, 90.0, WHITE),
        (300.0, 90.0, WHITE),
    ];
    assert!(all.iter().all(|(x, y, colour)| alike(scene.at(*x, *y), *colour)));
    scene.set(0, plain(64, 36, YELLOW));
    assert!(scene.paint());
    let all = [
        (20.0, 20.0, YELLOW),
        (100.0, 90.0, BLUE),
        (200.0, 90.0, WHITE),
        (300.0, 90.0, WHITE),
    ];
    assert!(
        all.iter().all(|(x, y, colour)| alike(scene.at(*x, *y), *colour)),
        "the lowest one changed"
    );
    scene.set(1, plain(64, 40, RED));
    assert!(scene.paint());
    assert!(
        alike(scene.at(100.0, 90.0), RED) && alike(scene.at(200.0, 90.0), WHITE),
        "the middle one changed"
    );
    assert!(!scene.paint(), "nothing changed");
}

#[test]
fn a_translucent_region_shows_what_is_behind_it_and_does_not_grow_denser() {
    let half = Region {
        alpha: 128,
        ..region(1, 160, 0, 160, 180)
    };
    let mut scene = Scene::new(&[region(0, 0, 0, 240, 180), half]);
    scene.set(0, plain(64, 48, GREEN));
    scene.set(1, plain(64, 72, WHITE));
    for _ in 0..4 {
        scene.paint();
        assert!(
            alike(scene.at(200.0, 90.0), between(GREEN, WHITE)),
            "over the user: {:?}",
            scene.at(200.0, 90.0)
        );
        assert!(
            alike(scene.at(300.0, 90.0), between(RED, WHITE)),
            "over the background: {:?}",
            scene.at(300.0, 90.0)
        );
        scene.set(1, plain(64, 72, WHITE));
    }
    scene.set(0, plain(64, 48, BLUE));
    scene.paint();
    assert!(
        alike(scene.at(200.0, 90.0), between(BLUE, WHITE)),
        "what is behind it changed"
    );
}

#[test]
fn a_picture_is_cut_to_its_region_or_stands_whole_between_black_bars() {
    // Left third green, middle blue, right third white.
    let mut wide = plain(300, 100, BLUE);
    let fill = |picture: &mut Picture, x, colour| {
        let third = Rect {
            x,
            y: 0,
            width: 100,
            height: 100,
        };
        paint::fill(picture, third, third, colour, 256);
    };
    fill(&mut wide, 0, GREEN);
    fill(&mut wide, 200, WHITE);
    let mut scene = Scene::new(&[
        region(0, 0, 0, 100, 100),
        Region {
            fill: Fill::Fit,
            ..region(1, 160, 0, 100, 100)
        },
    ]);
    let mut copy = plain(300, 100, BLUE);
    let whole = Rect {
        x: 0,
        y: 0,
        width: 300,
        height: 100,
    };
    paint::put(&mut copy, whole, whole, &wide, 256);
    scene.set(0, wide);
    scene.set(1, copy);
    scene.paint();
    assert!(
        [4.0, 50.0, 96.0].iter().all(|x| alike(scene.at(*x, 50.0), BLUE)),
        "only the middle is left"
    );
    assert!(alike(scene.at(165.0, 50.0), GREEN) && alike(scene.at(210.0, 50.0), BLUE));
    assert!(alike(scene.at(255.0, 50.0), WHITE));
    assert!(
        [10.0, 90.0].iter().all(|y| alike(scene.at(210.0, *y), BLACK)),
        "bars above and below"
    );
}

#[test]
fn a_picture_that_changes_its_shape_leaves_nothing_behind() {
    let mut scene = Scene::new(&[Region {
        fill: Fill::Fit,
        ..region(0, 0, 0, 320, 180)
    }]);
    scene.set(0, plain(320, 180, GREEN));
    scene.paint();
    scene.set(0, plain(90, 180, BLUE));
    scene.paint();
    assert!(alike(scene.at(20.0, 90.0), BLACK) && alike(scene.at(160.0, 90.0), BLUE));
    scene.pictures[0] = None;
    assert!(scene.paint());
    assert!(alike(scene.at(160.0, 90.0), Yuv::of(Colour { r: 255, g: 0, b: 0 })));
}

#[test]
fn the_background_image_fills_the_canvas_and_shows_where_nobody_is() {
    let mut scene = Scene::new(&[region(0, 0, 0, 160, 180)]);
    scene
        .composer
        .set_background(Colour::default(), Some(&plain(100, 100, YELLOW)))
        .unwrap();
    scene.set(0, plain(64, 64, GREEN));
    scene.paint();
    assert!(alike(scene.at(80.0, 90.0), GREEN) && alike(scene.at(316.0, 4.0), YELLOW));
}

#[test]
fn what_is_cut_off_is_the_same_on_both_sides() {
    let crop = |width, height, rect| place(&plain(width, height, RED), rect, Fill::Crop).crop;
    let square = Rect {
        x: 0,
        y: 0,
        width: 100,
        height: 100,
    };
    assert_eq!(
        crop(640, 360, square),
        Crop {
            x: 140,
            y: 0,
            width: 360,
            height: 360
        }
    );
    assert_eq!(
        crop(360, 640, square),
        Crop {
            x: 0,
            y: 140,
            width: 360,
            height: 360
        }
    );
    assert_eq!(
        crop(200, 200, square),
        Crop {
            x: 0,
            y: 0,
            width: 200,
            height: 200
        }
    );
    let tall = Rect {
        x: 0,
        y: 0,
        width: 50,
        height: 100,
    };
    assert_eq!(
        place(&plain(640, 360, RED), tall, Fill::Fit).area,
        Rect {
            x: 0,
            y: 36,
            width: 50,
            height: 28
        }
    );
}

#[test]
fn a_stretched_picture_is_whole_and_fills_its_region() {
    // Left half green, right half white.
    let mut wide = plain(300, 100, GREEN);
    let right = Rect {
        x: 150,
        y: 0,
        width: 150,
        height: 100,
    };
    paint::fill(&mut wide, right, right, WHITE, 256);
    let mut scene = Scene::new(&[Region {
        fill: Fill::Stretch,
        ..region(0, 0, 0, 100, 180)
    }]);
    scene.set(0, wide);
    scene.paint();
    for y in [2.0, 178.0] {
        let found = [2.0, 40.0, 60.0, 98.0].map(|x| scene.at(x, y));
        assert!(
            found
                .iter()
                .zip([GREEN, GREEN, WHITE, WHITE])
                .all(|(found, colour)| alike(*found, colour))
        );
    }
}

#[test]
fn regions_end_at_their_pixels_whichever_is_painted_again() {
    let mut scene = Scene::new(&[region(0, 3, 5, 101, 51), region(1, 104, 5, 33, 51)]);
    scene.set(0, plain(64, 36, GREEN));
    scene.set(1, plain(64, 36, WHITE));
    scene.paint();
    let luma = |scene: &Scene, x: usize, y: usize| scene.composer.canvas().plane(0).row(y)[x];
    let red = Yuv::of(Colour { r: 255, g: 0, b: 0 });
    for _ in 0..2 {
        let expected = [
            (2, red),
            (3, GREEN),
            (103, GREEN),
            (104, WHITE),
            (136, WHITE),
            (137, red),
        ];
        for (x, colour) in expected {
            assert_eq!(luma(&scene, x, 30), colour.0[0], "column {x}");
        }
        for (y, colour) in [(4, red), (5, GREEN), (55, GREEN), (56, red)] {
            assert_eq!(luma(&scene, 50, y), colour.0[0], "row {y}");
        }
        let chroma = scene.composer.canvas().plane(1).row(15).to_vec();
        scene.set(0, plain(64, 36, GREEN));
        scene.paint();
        assert_eq!(
            scene.composer.canvas().plane(1).row(15),
            chroma,
            "the same however it is painted"
        );
    }
}
