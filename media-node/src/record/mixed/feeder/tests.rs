use protocol::Subscription;

use super::super::testing::{Script, Step, mixes, spec, there, wishes};
use super::*;
use crate::media::VideoEncoderChoice;
use crate::mix::testing::*;
use crate::record::testing::coded_source;
use crate::stream::StreamEnd;

const SECOND: i64 = 1_000_000;

fn colour_of(output: &[Output], us: i64) -> Yuv {
    let pictures = pictures(output);
    let (_, picture) = pictures.iter().rev().find(|(pts_us, _)| *pts_us <= us).unwrap();
    colour_at(picture, 0.5, 0.5)
}

fn assert_colours(output: &[Output], expected: &[(i64, Yuv)]) {
    for (us, colour) in expected {
        let found = colour_of(output, *us);
        assert!(alike(found, *colour), "at {us} µs: {found:?}, not {colour:?}");
    }
}

#[test]
fn the_mix_begins_with_the_first_media_and_pauses_while_the_channel_is_empty() {
    let mut script = Script::default();
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(2 * SECOND, 4 * SECOND, 15, |_| RED));
    script.stream("1", StreamName::Audio, tone(2 * SECOND, 4 * SECOND, 440.0, |_| 0.1));
    script.stream("1", StreamName::Camera, video(90 * SECOND, 92 * SECOND, 15, |_| GREEN));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let made = script.play(&mut feeder, 93 * SECOND);
    let ends: Vec<usize> = made
        .iter()
        .enumerate()
        .filter_map(|(index, made)| matches!(made, Made::End).then_some(index))
        .collect();
    assert_eq!((ends.len(), ends[1]), (2, made.len() - 1));
    let mixes = mixes(made);
    let span = |output: &[Output]| {
        let times = output.iter().map(|made| made.unit().pts_us);
        (times.clone().min().unwrap(), times.max().unwrap())
    };
    let (first, second) = (span(&mixes[0]), span(&mixes[1]));
    assert!((2 * SECOND..2_100_000).contains(&first.0) && (63 * SECOND..65 * SECOND).contains(&first.1));
    assert!((90 * SECOND..90_100_000).contains(&second.0) && (92_900_000..93 * SECOND).contains(&second.1));
    assert_colours(&mixes[0], &[(3 * SECOND, RED)]);
    assert_colours(&mixes[1], &[(91 * SECOND, GREEN)]);
    assert_eq!(
        feeder.counters().frames as usize,
        pictures(&mixes[0]).len() + pictures(&mixes[1]).len()
    );
}

#[test]
fn wishes_take_effect_at_the_next_picture() {
    let mut script = Script::default();
    let seconds = |seconds: i64| seconds * SECOND;
    script.at(0, Step::Wish(wishes(&["1", "2"])));
    for (uid, colour) in [("1", RED), ("2", GREEN)] {
        script.stream(uid, StreamName::Camera, video(0, seconds(6), 15, move |_| colour));
    }
    // One user in the middle of the picture at a time.
    let only = |uid: &str| Wishes {
        subscription: Subscription {
            video: protocol::Selection::Only(vec![uid.to_owned()]),
            ..everybody()
        },
        ..wishes(&["1", "2"])
    };
    script.at(seconds(1), Step::Wish(only("1")));
    script.at(seconds(2), Step::Wish(only("2")));
    script.at(seconds(3), Step::Wish(wishes(&["1"])));
    let mut blue = wishes(&[]);
    blue.scene.background = protocol::Colour { r: 0, g: 0, b: 255 };
    script.at(seconds(4), Step::Wish(blue));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let mixes = mixes(script.play(&mut feeder, seconds(6)));
    let just = 70_000;
    assert_colours(
        &mixes[0],
        &[
            (seconds(1) + just, RED),
            (seconds(2) - just, RED),
            (seconds(2) + just, GREEN),
            (seconds(3) - just, GREEN),
            (seconds(3) + just, RED),
            (seconds(4) + just, BLUE),
        ],
    );
}

#[test]
fn who_has_left_and_come_back_in_one_roster_is_mixed() {
    let mut script = Script::default();
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(0, 2 * SECOND, 15, |_| RED));
    // The first stay was over with its node, of which nobody was told.
    let back = Present {
        joined_us: 2 * SECOND + 500_000,
        ..there("1")
    };
    let wish = Wishes {
        present: vec![back],
        ..wishes(&[])
    };
    script.at(3 * SECOND, Step::Wish(wish));
    script.stream("1", StreamName::Camera, video(3 * SECOND, 6 * SECOND, 15, |_| GREEN));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let mixes = mixes(script.play(&mut feeder, 6 * SECOND));
    assert_colours(&mixes[0], &[(SECOND, RED), (5 * SECOND, GREEN)]);
}

#[test]
fn nothing_of_a_pause_is_mixed() {
    let mut script = Script::default();
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(0, 7 * SECOND, 15, |_| RED));
    script.stream("1", StreamName::Camera, tone(0, 7 * SECOND, 440.0, |_| 0.1));
    let paused = Wishes {
        paused: true,
        ..wishes(&["1"])
    };
    script.at(2 * SECOND, Step::Wish(paused.clone()));
    // Said again, it changes nothing.
    script.at(3 * SECOND, Step::Wish(paused));
    script.at(5 * SECOND, Step::Wish(wishes(&["1"])));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let made = script.play(&mut feeder, 7 * SECOND);
    let kinds: String = made
        .iter()
        .filter_map(|made| match made {
            Made::Begin(_) => Some('b'),
            Made::Pause => Some('p'),
            Made::End => Some('e'),
            Made::Unit(_) | Made::Failed(_) | Made::Overload(_) => None,
        })
        .collect();
    assert_eq!(kinds, "bpbe");
    let mixes = mixes(made);
    let reach = |mix: &[Output]| {
        let times = mix.iter().map(|output| output.unit().pts_us);
        times.fold((i64::MAX, i64::MIN), |(first, last), at| (first.min(at), last.max(at)))
    };
    let frame = SECOND / 15;
    let ((_, last), (first, _)) = (reach(&mixes[0]), reach(&mixes[1]));
    assert!((2 * SECOND - 2 * frame..2 * SECOND).contains(&last), "{last}");
    assert!((5 * SECOND - 500_000..6 * SECOND).contains(&first), "{first}");
}

#[test]
fn the_picture_moves_to_the_low_stream_and_back_to_the_camera() {
    let mut script = Script::default();
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(0, 2 * SECOND, 15, |_| RED));
    script.stream("1", StreamName::Low, video(2 * SECOND, 4 * SECOND, 15, |_| GREEN));
    let ended = || StreamEvent::Ended(StreamEnd::Finished);
    script.at(4 * SECOND, Step::Event("1", StreamName::Low, ended()));
    script.stream("1", StreamName::Camera, video(4_020_000, 6 * SECOND, 15, |_| BLUE));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let mixes = mixes(script.play(&mut feeder, 6 * SECOND));
    let expected = [RED, GREEN, BLUE].into_iter().enumerate();
    let expected: Vec<_> = expected
        .map(|(index, colour)| ((2 * index as i64 + 1) * SECOND, colour))
        .collect();
    assert_colours(&mixes[0], &expected);
}

#[test]
fn images_stay_from_one_mix_to_the_next_and_go_with_their_scene() {
    let mut script = Script::default();
    let mut with_image = wishes(&[]);
    with_image.scene.background_image = Some("u".into());
    script.at(0, Step::Wish(with_image));
    script.at(SECOND, Step::Image("u", plain(64, 36, WHITE)));
    script.at(SECOND, Step::Image("other", plain(64, 36, YELLOW)));
    let mut there = wishes(&["1"]);
    there.scene.background_image = Some("u".into());
    script.at(SECOND, Step::Wish(there));
    for from in [2, 70] {
        script.stream(
            "1",
            StreamName::Audio,
            tone(from * SECOND, (from + 1) * SECOND, 440.0, |_| 0.1),
        );
    }
    script.at(72 * SECOND, Step::Wish(wishes(&["1"])));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let mixes = mixes(script.play(&mut feeder, 74 * SECOND));
    assert_eq!(mixes.len(), 2);
    assert_colours(&mixes[0], &[(3 * SECOND, WHITE)]);
    assert_colours(&mixes[1], &[(71 * SECOND, WHITE), (73 * SECOND, BLACK)]);
}

#[test]
fn nothing_begins_before_what_is_recorded_ends() {
    let mut script = Script::default();
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(0, 4 * SECOND, 15, |_| RED));
    let mut feeder = Feeder::new(spec(), wishes(&[]), SECOND);
    let mixes = mixes(script.play(&mut feeder, 4 * SECOND));
    let first = mixes[0].iter().map(|made| made.unit().dts_us).min().unwrap();
    assert!(first > SECOND, "{first}");
}

#[test]
fn an_encoder_that_fails_is_tried_again() {
    let mut broken = spec();
    broken.options.video_encoder = VideoEncoderChoice {
        name: "nonesuch".to_owned(),
        ..VideoEncoderChoice::default()
    };
    let mut script = Script::default();
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(0, 25 * SECOND, 15, |_| RED));
    let mut feeder = Feeder::new(broken, wishes(&[]), i64::MIN);
    let made = script.play(&mut feeder, 25 * SECOND);
    assert!(made.iter().all(|made| matches!(made, Made::Failed(_))));
    assert_eq!(made.len(), 3, "at 0, 10 and 20 seconds");
}

#[test]
fn streams_of_one_user_are_shown_beside_one_another_when_a_scene_asks_for_them() {
    use protocol::{Fill, Layout, StreamKind, Tiles};
    let screen = || Present {
        picture: None,
        streams: [StreamKind::Camera, StreamKind::Screen].into(),
        ..there("1")
    };
    let tiled = || {
        let tiles = Tiles {
            most: 4,
            fill: Fill::Crop,
            order: vec![StreamKind::Screen, StreamKind::Camera],
        };
        Wishes {
            scene: crate::mix::testing::scene(Layout::Even { tiles }),
            present: vec![screen()],
            ..wishes(&[])
        }
    };
    let mut script = Script::default();
    // One picture of the user, then both streams, then one picture again.
    script.at(0, Step::Wish(wishes(&["1"])));
    script.stream("1", StreamName::Camera, video(0, 6 * SECOND, 15, |_| RED));
    script.stream("1", StreamName::Camera, tone(0, 6 * SECOND, 440.0, |_| 0.1));
    script.at(2 * SECOND, Step::Wish(tiled()));
    script.stream("1", StreamName::Screen, video(2 * SECOND, 4 * SECOND, 15, |_| GREEN));
    script.at(4 * SECOND, Step::Wish(wishes(&["1"])));
    let mut feeder = Feeder::new(spec(), wishes(&[]), i64::MIN);
    let mixes = mixes(script.play(&mut feeder, 6 * SECOND));
    let pictures = pictures(&mixes[0]);
    let halves = |us: i64| {
        let (_, picture) = pictures.iter().rev().find(|(pts_us, _)| *pts_us <= us).unwrap();
        [0.25, 0.75].map(|x| colour_at(picture, x, 0.5))
    };
    for (us, left, right) in [(1_500_000, RED, RED), (3_500_000, GREEN, RED), (5_500_000, RED, RED)] {
        let found = halves(us);
        assert!(alike(found[0], left) && alike(found[1], right), "at {us} µs: {found:?}");
    }
}

#[test]
fn a_mix_that_begins_anew_in_the_middle_lacks_a_keyframe_and_knows_the_codec() {
    let coding = ["-c:v", "libvpx", "-deadline", "realtime", "-g", "15"];
    let green = coded_source("webm", "color=0x00ff00:s=160x90:r=15:d=14", &coding);
    let broken = VideoEncoderChoice {
        name: "nonesuch".to_owned(),
        ..VideoEncoderChoice::default()
    };
    let settings = Settings {
        video_encoder: broken,
        ..settings(320, 180, 15)
    };
    let mut broken = Mixer::new(&settings, scene(protocol::Layout::BestFit), everybody()).err();
    let mut feeder = Feeder::new(spec(), wishes(&["1"]), i64::MIN);
    let (mut made, mut lacking) = (Vec::new(), Vec::new());
    let format = StreamEvent::Format(Track::Video, green.format.clone());
    feeder.event("1", StreamName::Camera, format, 0).unwrap();
    for unit in green.units {
        let now_us = unit.dts_us;
        let unit = StreamEvent::Unit(Track::Video, unit);
        feeder.event("1", StreamName::Camera, unit, now_us).unwrap();
        feeder.advance(now_us, &mut |out| made.push(out));
        if let Some(error) = broken.take_if(|_| now_us >= SECOND + SECOND / 4) {
            feeder.fail(error, now_us, &mut |out| made.push(out));
        }
        let picture = ("1".to_owned(), StreamName::Camera);
        if feeder.lacking_keyframes().contains(&picture) {
            lacking.push(now_us);
        }
    }
    // It begins a quarter of a second behind a keyframe.
    let (first, last) = (lacking[0], lacking[lacking.len() - 1]);
    assert!(first > 11 * SECOND + SECOND / 4 && last < 12 * SECOND, "{lacking:?}");
    let mixes = mixes(made);
    assert_eq!(mixes.len(), 2);
    assert_colours(&mixes[1], &[(13 * SECOND, GREEN)]);
}
