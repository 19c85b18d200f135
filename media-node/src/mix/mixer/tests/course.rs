//! Who is seen and heard where, and from when to when.

use super::*;

#[test]
fn five_users_come_and_go_and_are_seen_and_heard_where_and_when_they_should() {
    let mut script = Script::default();
    for (index, (from, to)) in [(0, 10), (1, 10), (2, 6), (3, 10), (4, 10)].into_iter().enumerate() {
        user(&mut script, index, from * SECOND, to * SECOND);
    }
    script.leave(6 * SECOND, "3");
    let region = |uid: &str, x| CustomRegion {
        uid: Some(uid.to_owned()),
        stream: None,
        x,
        y: 0.0,
        width: 0.5,
        height: 1.0,
        alpha: 1.0,
        fill: Fill::Crop,
    };
    let halves = Scene {
        layout: Layout::Custom {
            regions: vec![region("5", 0.0), region("2", 0.5)],
        },
        background: Colour { r: 0, g: 0, b: 255 },
        ..Scene::default()
    };
    script.changes.push((7 * SECOND, Change::Scene(halves)));
    let quiet = Subscription {
        audio: Selection::Only(vec!["4".to_owned()]),
        video: Selection::Except(vec!["2".to_owned()]),
        ..everybody()
    };
    script.changes.push((8 * SECOND, Change::Subscription(quiet)));
    let mut mixer = Mixer::new(&settings(640, 360, 15), scene(Layout::BestFit), everybody()).unwrap();
    let output = script.play(&mut mixer, 10 * SECOND, 20_000);
    let (pictures, samples) = (pictures(&output), samples(&mixer.tracks().unwrap(), &output));

    assert_eq!(pictures.len(), 150, "one picture each 1/15 s");
    assert!(
        pictures
            .windows(2)
            .all(|pair| (pair[1].0 - pair[0].0 - 66_667).abs() <= 1)
    );
    let quarters = |us: i64| {
        [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].map(|(x, y)| colour_at(at(&pictures, us), x, y))
    };
    let check = |us: i64, expected: [Yuv; 4]| {
        let found = quarters(us);
        let right = found
            .iter()
            .zip(expected)
            .all(|(found, expected)| alike(*found, expected));
        assert!(right, "at {us} µs: {found:?}, not {expected:?}");
    };
    check(SECOND / 2, [RED; 4]);
    check(3 * SECOND / 2, [RED, GREEN, RED, GREEN]);
    check(5 * SECOND / 2, [RED, GREEN, BLUE, BLACK]);
    check(7 * SECOND / 2, [RED, GREEN, BLUE, WHITE]);
    // Nine cells: two rows are taken, the middle of the canvas is user 5.
    let nine = at(&pictures, 9 * SECOND / 2);
    let cells = [
        (0.1, 0.1),
        (0.5, 0.1),
        (0.9, 0.1),
        (0.1, 0.5),
        (0.5, 0.5),
        (0.9, 0.5),
        (0.5, 0.9),
    ];
    for ((x, y), colour) in cells.into_iter().zip([RED, GREEN, BLUE, WHITE, YELLOW, BLACK, BLACK]) {
        assert!(alike(colour_at(nine, x, y), colour), "five users: {x}, {y}");
    }
    check(13 * SECOND / 2, [RED, GREEN, WHITE, YELLOW]);
    check(15 * SECOND / 2, [YELLOW, GREEN, YELLOW, GREEN]);
    check(17 * SECOND / 2, [YELLOW, BLUE, YELLOW, BLUE]);

    for (us, expected) in [
        (SECOND / 2, &["1"][..]),
        (3 * SECOND / 2, &["1", "2"]),
        (5 * SECOND / 2, &["1", "2", "3"]),
        (7 * SECOND / 2, &["1", "2", "3", "4"]),
        (11 * SECOND / 2, &["1", "2", "3", "4", "5"]),
        (13 * SECOND / 2, &["1", "2", "4", "5"]),
        (15 * SECOND / 2, &["1", "2", "4", "5"]),
        (17 * SECOND / 2, &["4"]),
    ] {
        assert_eq!(heard(&samples, us), expected, "at {us} µs");
    }
}

#[test]
fn without_video_the_last_picture_stays_then_the_image_comes_and_leaving_clears_the_region() {
    let with_image = Scene {
        layout: Layout::BestFit,
        user_images: vec![UserImage {
            uid: "2".to_owned(),
            url: "own".into(),
            fill: Fill::Fit,
        }],
        user_image: Some("common".into()),
        ..Scene::default()
    };
    let mut script = Script::default();
    user(&mut script, 0, 0, 10 * SECOND);
    user(&mut script, 1, 0, SECOND);
    script.join(0, "3");
    script.leave(8 * SECOND, "2");
    for (url, colour) in [("own", YELLOW), ("common", WHITE), ("unknown", BLUE)] {
        let picture = plain(64, 64, colour);
        script.changes.push((
            0,
            Change::Image {
                url: url.into(),
                picture,
            },
        ));
    }
    let mut mixer = Mixer::new(&settings(640, 360, 15), with_image, everybody()).unwrap();
    let output = script.play(&mut mixer, 10 * SECOND, 20_000);
    let pictures = pictures(&output);
    let colour = |us, x, y| colour_at(at(&pictures, us), x, y);
    assert!(
        alike(colour(4 * SECOND, 0.75, 0.25), GREEN),
        "the last picture stays for 3.5 s"
    );
    assert!(
        alike(colour(5 * SECOND, 0.75, 0.25), YELLOW),
        "then the user's own image comes"
    );
    assert!(
        alike(colour(5 * SECOND, 0.52, 0.25), BLACK),
        "whole, with bars beside it"
    );
    assert!(
        alike(colour(SECOND, 0.25, 0.75), WHITE),
        "a user without video has the common image"
    );
    assert!(
        alike(colour(17 * SECOND / 2, 0.75, 0.25), WHITE),
        "the third user moved up"
    );
    assert!(
        alike(colour(17 * SECOND / 2, 0.25, 0.75), RED),
        "beside the first one, each has one half"
    );
}

#[test]
fn a_user_who_becomes_visible_between_key_frames_is_seen_at_once() {
    let mut script = Script::default();
    user(&mut script, 0, 0, 4 * SECOND);
    script.join(0, "2");
    // With key frames at whole seconds.
    script.send("2", video(0, 4 * SECOND, 15, |_| GREEN));
    let only = |uid: &str| Subscription {
        video: Selection::Only(vec![uid.to_owned()]),
        ..everybody()
    };
    script.changes.push((1_500_000, Change::Subscription(only("2"))));
    script.changes.push((2_500_000, Change::Subscription(only("1"))));
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), only("1")).unwrap();
    let pictures = pictures(&script.play(&mut mixer, 4 * SECOND, 20_000));
    for (pts_us, picture) in &pictures {
        let expected = if (1_500_000..2_500_000).contains(pts_us) {
            GREEN
        } else {
            RED
        };
        assert!(alike(colour_at(picture, 0.5, 0.5), expected), "at {pts_us} µs");
    }
}

#[test]
fn opus_is_mixed_in_stereo() {
    let units = opus(2, 500);
    let mut stereo = settings(320, 180, 15);
    stereo.types = StreamTypes::Audio;
    stereo.output.audio = AudioProfile::Stereo192;
    let mut mixer = Mixer::new(&stereo, scene(Layout::Floating), everybody()).unwrap();
    mixer.change(0, Change::Join { uid: "o".to_owned() });
    mixer.format("o", &Format::Opus(OpusFormat { channels: 2 }));
    for (track, unit) in units {
        mixer.unit("o", track, unit);
    }
    let mut output = Vec::new();
    mixer.finish(2 * SECOND, |made| output.push(made)).unwrap();
    let heard = samples(&mixer.tracks().unwrap(), &output);
    assert!(
        loudness(&heard[24_000..72_000], 500.0) > 0.15,
        "{}",
        loudness(&heard[24_000..72_000], 500.0)
    );
    assert_eq!(mixer.counters().units_undecodable, 0);
}
