use protocol::{AudioProfile, Colour, CustomRegion, Fill, Layout, Selection, UserImage};

use super::super::paint::{BLACK, Yuv};
use super::super::testing::*;
use super::*;
use crate::capture::OpusFormat;

const SECOND: i64 = 1_000_000;

/// Five users with a colour and a tone each.
const USERS: [(&str, Yuv, f32); 5] = [
    ("1", RED, 400.0),
    ("2", GREEN, 700.0),
    ("3", BLUE, 1100.0),
    ("4", WHITE, 1600.0),
    ("5", YELLOW, 2300.0),
];

fn user(script: &mut Script, index: usize, from_us: i64, to_us: i64) {
    let (uid, colour, frequency) = USERS[index];
    script.join(from_us, uid);
    script.send(uid, video(from_us, to_us, 15, |_| colour));
    script.send(uid, tone(from_us, to_us, frequency, |_| 0.1));
}

/// The picture that is shown at a time.
fn at(pictures: &[(i64, Picture)], us: i64) -> &Picture {
    &pictures.iter().rev().find(|(pts_us, _)| *pts_us <= us).unwrap().1
}

/// What of the five tones is heard around a time.
fn heard(samples: &[f32], us: i64) -> Vec<&'static str> {
    let middle = (us * 48 / 1000) as usize;
    let around = &samples[middle - 2400..middle + 2400];
    let loud = |(_, _, frequency): &&(&str, Yuv, f32)| loudness(around, *frequency) > 0.05;
    USERS.iter().filter(loud).map(|(uid, ..)| *uid).collect()
}

#[test]
fn five_users_come_and_go_and_are_seen_and_heard_where_and_when_they_should() {
    let mut script = Script::default();
    for (index, (from, to)) in [(0, 10), (1, 10), (2, 6), (3, 10), (4, 10)].into_iter().enumerate() {
        user(&mut script, index, from * SECOND, to * SECOND);
    }
    script.leave(6 * SECOND, "3");
    let region = |uid: &str, x| CustomRegion {
        uid: Some(uid.to_owned()),
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
fn the_same_input_gives_the_same_bytes_however_it_is_cut_and_shared_out() {
    let once = |step_us, workers| {
        let mut script = Script::default();
        for index in 0..5 {
            user(&mut script, index, index as i64 * SECOND / 4, 3 * SECOND);
        }
        script.leave(2 * SECOND, "1");
        let mut settings = Settings {
            workers,
            ..settings(320, 180, 30)
        };
        settings.video_encoder.threads = 2;
        let mut mixer = Mixer::new(&settings, scene(Layout::Floating), everybody()).unwrap();
        script.play(&mut mixer, 3 * SECOND, step_us)
    };
    let output = once(10_000, 1);
    assert!(output.len() > 200);
    assert!(output == once(10_000, 1), "twice the same");
    assert!(output == once(370_000, 1), "in larger pieces");
    assert!(output == once(10_000, 2), "by more threads");
}

#[test]
fn key_frames_come_each_two_seconds_and_the_output_can_be_cut_there() {
    let mut script = Script::default();
    user(&mut script, 0, 0, 7 * SECOND);
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
    let output = script.play(&mut mixer, 7 * SECOND, 20_000);
    let keys: Vec<i64> = output
        .iter()
        .filter(|made| matches!(made, Output::Video(_)) && made.unit().keyframe)
        .map(|made| made.unit().pts_us)
        .collect();
    assert_eq!(keys, [0, 2 * SECOND, 4 * SECOND, 6 * SECOND]);
    let times = |video| {
        let of_track = output
            .iter()
            .filter(move |made| matches!(made, Output::Video(_)) == video);
        of_track.map(|made| made.unit().dts_us).collect::<Vec<_>>()
    };
    assert!(times(true).is_sorted() && times(false).is_sorted());
    for key in keys {
        let cut = output
            .iter()
            .position(|made| made.unit().keyframe && made.unit().pts_us == key);
        let (before, after) = output.split_at(cut.unwrap());
        assert!(before.iter().all(|made| made.unit().pts_us < key));
        assert!(after.iter().all(|made| made.unit().pts_us >= key));
    }
}

#[test]
fn a_late_unit_within_the_budget_lands_in_its_picture() {
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
    mixer.change(0, Change::Join { uid: "1".to_owned() });
    let mut output = Vec::new();
    for (_, unit) in video(0, 2 * SECOND, 15, |us| if us < SECOND { RED } else { GREEN }) {
        // Each unit comes 0.45 s after its time.
        mixer
            .advance(unit.dts_us + 450_000, Shed::Nothing, |made| output.push(made))
            .unwrap();
        mixer.unit("1", Track::Video, unit);
    }
    mixer.finish(2 * SECOND, |made| output.push(made)).unwrap();
    for (pts_us, picture) in pictures(&output) {
        let expected = if pts_us < SECOND - 10 { RED } else { GREEN };
        assert!(alike(colour_at(&picture, 0.5, 0.5), expected), "at {pts_us} µs");
    }
}

#[test]
fn without_video_the_last_picture_stays_then_the_image_comes_and_leaving_clears_the_region() {
    let with_image = Scene {
        layout: Layout::BestFit,
        user_images: vec![UserImage {
            uid: "2".to_owned(),
            url: "own".to_owned(),
            fill: Fill::Fit,
        }],
        user_image: Some("common".to_owned()),
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
                url: url.to_owned(),
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
fn when_the_node_cannot_keep_up_pictures_go_before_sound_and_time_stays() {
    let mut mixer = Mixer::new(&settings(320, 180, 30), scene(Layout::Floating), everybody()).unwrap();
    let mut output = Vec::new();
    mixer.advance(3 * SECOND, Shed::Half, |made| output.push(made)).unwrap();
    assert_eq!(mixer.counters().frames_shed, 38, "half of those up to 2.5 s");
    mixer
        .advance(3_500_000, Shed::Nothing, |made| output.push(made))
        .unwrap();
    mixer.finish(4 * SECOND, |made| output.push(made)).unwrap();
    let times: Vec<i64> = pictures(&output).iter().map(|(pts_us, _)| *pts_us).collect();
    assert_eq!(mixer.counters().frames_shed, 38);
    assert_eq!(times.len() as u64, mixer.counters().frames);
    assert_eq!(times.last(), Some(&3_966_667));
    let sound = output.iter().filter(|made| matches!(made, Output::Audio(_))).count();
    assert_eq!(sound, 188, "all of 4 s");
}

#[test]
fn in_the_worst_case_key_frames_are_shown_and_all_sound_is_there() {
    let mut script = Script::default();
    let colour = |us: i64| [RED, GREEN, BLUE, WHITE, YELLOW, RED][(us / SECOND) as usize];
    script.join(0, "1");
    script.send("1", video(0, 6 * SECOND, 15, colour));
    script.send("1", tone(0, 6 * SECOND, 400.0, |_| 0.1));
    script.shed = Shed::AllButKeyFrames;
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
    let output = script.play(&mut mixer, 6 * SECOND, 20_000);
    let (pictures, samples) = (pictures(&output), samples(&mixer.tracks().unwrap(), &output));
    let times: Vec<i64> = pictures.iter().map(|(pts_us, _)| *pts_us).collect();
    assert_eq!(times, [0, 1, 2, 3, 4, 5].map(|second| second * SECOND));
    for (us, picture) in &pictures {
        assert!(alike(colour_at(picture, 0.5, 0.5), colour(*us)), "at {us}");
    }
    let counters = mixer.counters();
    assert_eq!((counters.pictures_decoded, counters.video_units_dropped), (6, 5 * 14));
    assert!(samples.len() >= 6 * 48_000 && heard(&samples, 3 * SECOND) == ["1"]);
}

#[test]
fn a_recording_can_begin_at_any_time_and_carry_one_track_only() {
    let mut late = settings(320, 180, 15);
    late.start_us = 10_010_000;
    let mut mixer = Mixer::new(&late, scene(Layout::Floating), everybody()).unwrap();
    let mut output = Vec::new();
    mixer.finish(12 * SECOND, |made| output.push(made)).unwrap();
    let first = |video| {
        output
            .iter()
            .find(|made| matches!(made, Output::Video(_)) == video)
            .unwrap()
            .unit()
            .pts_us
    };
    assert_eq!(first(true), 10_066_667);
    assert!(
        (10_066_667..10_088_000).contains(&first(false)),
        "sound begins with the picture"
    );

    for types in [StreamTypes::Audio, StreamTypes::Video] {
        let one = Settings {
            types,
            ..settings(320, 180, 15)
        };
        let mut mixer = Mixer::new(&one, scene(Layout::Floating), everybody()).unwrap();
        let mut video = 0;
        let mut audio = 0;
        mixer
            .finish(SECOND, |made| match made {
                Output::Video(_) => video += 1,
                Output::Audio(_) => audio += 1,
            })
            .unwrap();
        let expected = if types == StreamTypes::Video { (15, 0) } else { (0, 47) };
        assert_eq!((video, audio), expected);
    }
}

#[test]
fn an_unknown_encoder_is_refused_by_name() {
    let mut wrong = settings(320, 180, 15);
    wrong.video_encoder.name = "h264_of_nobody".to_owned();
    let error = Mixer::new(&wrong, scene(Layout::Floating), everybody()).err().unwrap();
    assert!(error.to_string().contains("h264_of_nobody"), "{error}");
}

#[test]
fn damaged_units_cost_no_more_than_their_pictures_and_samples() {
    for seed in 1..=8 {
        let mut noise = Noise(seed);
        let mut script = Script::default();
        user(&mut script, 0, 0, 4 * SECOND);
        user(&mut script, 1, 0, 4 * SECOND);
        for (uid, _, unit) in &mut script.units {
            let damaged = uid == "1" && noise.next().is_multiple_of(4);
            if !damaged || unit.data.is_empty() {
                continue;
            }
            let mut data = unit.data.to_vec();
            let at = noise.next() as usize % data.len();
            match noise.next() % 3 {
                0 => data[at] ^= 1 << (noise.next() % 8),
                1 => data.truncate(at),
                _ => data[at..].fill(noise.next() as u8),
            }
            unit.data = data.into();
            unit.pts_us += (noise.next() % 200_000) as i64;
        }
        let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::BestFit), everybody()).unwrap();
        let output = script.play(&mut mixer, 4 * SECOND, 20_000);
        let pictures = pictures(&output);
        assert_eq!(pictures.len(), 60, "seed {seed}");
        assert!(
            alike(colour_at(at(&pictures, 2 * SECOND), 0.75, 0.5), GREEN),
            "the other user is not touched"
        );
        assert!(loudness(&samples(&mixer.tracks().unwrap(), &output)[96_000..120_000], 700.0) > 0.08);
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

#[test]
fn a_recording_shorter_than_the_encoders_delay_is_whole() {
    let mut slow = settings(320, 180, 30);
    slow.video_encoder = VideoEncoderChoice::default();
    let mut mixer = Mixer::new(&slow, scene(Layout::Floating), everybody()).unwrap();
    let mut output = Vec::new();
    mixer.finish(200_000, |made| output.push(made)).unwrap();
    assert_eq!(mixer.tracks().unwrap().len(), 2);
    assert_eq!(pictures(&output).len(), 6);
}
