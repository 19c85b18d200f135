//! Streams of one user beside one another.

use protocol::{StreamKind, Tiles};

use super::*;

fn region(stream: Option<StreamKind>, x: f64, width: f64) -> CustomRegion {
    CustomRegion {
        uid: Some("1".to_owned()),
        stream,
        x,
        y: 0.0,
        width,
        height: 1.0,
        alpha: 1.0,
        fill: Fill::Stretch,
    }
}

#[test]
fn two_streams_of_one_user_are_seen_at_their_pixels() {
    let mut script = Script::default();
    script.join(0, "1");
    script.publish(0, "1", &[StreamKind::Camera, StreamKind::Screen]);
    script.send_stream("1", StreamKind::Camera, video(0, 2 * SECOND, 15, |_| RED));
    script.send_stream("1", StreamKind::Screen, video(0, 2 * SECOND, 15, |_| GREEN));
    script.send("1", tone(0, 2 * SECOND, 400.0, |_| 0.1));
    // 1 to 131 and 131 to 250 of 320 pixels.
    let pixel = |x: f64| x / 320.0;
    let regions = vec![
        region(Some(StreamKind::Camera), pixel(1.0), pixel(130.0)),
        region(Some(StreamKind::Screen), pixel(131.0), pixel(119.0)),
    ];
    let mut scene = scene(Layout::Custom { regions });
    scene.background = Colour { r: 0, g: 0, b: 255 };
    let mut exact = settings(320, 180, 15);
    exact.video_encoder.options.push(("qp".into(), "1".into()));
    let mut mixer = Mixer::new(&exact, scene, everybody()).unwrap();
    let output = script.play(&mut mixer, 2 * SECOND, 20_000);
    let pictures = pictures(&output);
    let picture = at(&pictures, 1_500_000);
    let luma = |x: usize| picture.plane(0).row(90)[x];
    for (x, colour) in [(0, BLUE), (1, RED), (130, RED), (131, GREEN), (249, GREEN), (250, BLUE)] {
        assert!(luma(x).abs_diff(colour.0[0]) <= 6, "pixel {x} is {}", luma(x));
    }
    assert!(alike(colour_at(picture, 0.2, 0.5), RED) && alike(colour_at(picture, 0.6, 0.5), GREEN));
}

#[test]
fn a_tile_is_there_from_the_first_picture_of_its_stream_until_that_is_not_published_any_more() {
    let mut script = Script::default();
    for uid in ["1", "2"] {
        script.join(0, uid);
    }
    script.publish(0, "1", &[StreamKind::Camera]);
    script.publish(0, "2", &[StreamKind::Camera]);
    script.send_stream("1", StreamKind::Camera, video(0, 6 * SECOND, 15, |_| RED));
    // The second user has sound only.
    script.send("2", tone(0, 6 * SECOND, 400.0, |_| 0.1));
    script.publish(2 * SECOND, "1", &[StreamKind::Camera, StreamKind::Screen]);
    script.send_stream("1", StreamKind::Screen, video(2 * SECOND, 4 * SECOND, 15, |_| GREEN));
    script.publish(4 * SECOND, "1", &[StreamKind::Camera]);
    let tiles = Tiles {
        most: 9,
        fill: Fill::Crop,
        order: vec![StreamKind::Screen, StreamKind::Camera],
    };
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Even { tiles }), everybody()).unwrap();
    let output = script.play(&mut mixer, 6 * SECOND, 20_000);
    let pictures = pictures(&output);
    for (us, left, right) in [(1_500_000, RED, RED), (3_000_000, GREEN, RED), (5_000_000, RED, RED)] {
        let picture = at(&pictures, us);
        let found = [0.25, 0.75].map(|x| colour_at(picture, x, 0.5));
        assert!(alike(found[0], left) && alike(found[1], right), "at {us}: {found:?}");
        let is_whole = alike(colour_at(picture, 0.5, 0.05), RED);
        assert_eq!(is_whole, us != 3_000_000, "a single tile fills the canvas");
    }
}

#[test]
fn a_user_s_picture_and_a_stream_of_the_same_user_can_be_seen_together() {
    let mut script = Script::default();
    script.join(0, "1");
    script.publish(0, "1", &[StreamKind::Screen]);
    script.send("1", video(0, 2 * SECOND, 15, |_| RED));
    script.send_stream("1", StreamKind::Screen, video(0, 2 * SECOND, 15, |_| GREEN));
    let regions = vec![region(None, 0.0, 0.5), region(Some(StreamKind::Screen), 0.5, 0.5)];
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Custom { regions }), everybody()).unwrap();
    let output = script.play(&mut mixer, 2 * SECOND, 20_000);
    let pictures = pictures(&output);
    let found = [0.25, 0.75].map(|x| colour_at(at(&pictures, 1_500_000), x, 0.5));
    assert!(alike(found[0], RED) && alike(found[1], GREEN), "{found:?}");
}

#[test]
fn it_is_told_how_large_each_camera_is_shown() {
    let areas = |layout: Layout| {
        let mut script = Script::default();
        script.join(0, "1");
        script.join(0, "2");
        script.send("1", video(0, SECOND, 15, |_| RED));
        let mut mixer = Mixer::new(&settings(640, 360, 15), scene(layout), everybody()).unwrap();
        assert!(mixer.areas().is_empty());
        script.play(&mut mixer, SECOND, 20_000);
        ["1", "2"].map(|uid| mixer.areas()[uid])
    };
    let [left, right] = areas(Layout::BestFit);
    assert_eq!(left, right, "side by side");
    assert!(left.width == 320 && left.is_cut, "{left:?}");
    let [large, small] = areas(Layout::Floating);
    assert_eq!((large.width, large.height), (640, 360));
    assert!(small.width < 320, "{small:?}");
}
