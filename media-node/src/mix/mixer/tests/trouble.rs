//! What comes late, damaged, or faster than the node can mix it.

use super::*;
use crate::stream::testing::sps;

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
fn a_user_whose_pictures_are_too_large_is_not_decoded_and_the_others_are_mixed() {
    let mut script = Script::default();
    user(&mut script, 0, 0, 2 * SECOND);
    user(&mut script, 1, 0, 2 * SECOND);
    // Each key frame of the second one asks for 262 megapixels.
    let bomb = [&[0, 0, 0, 1][..], &sps(16_384, 16_000, 1)].concat();
    let mut refused = 0;
    for (uid, track, unit) in &mut script.units {
        if uid == "2" && *track == Track::Video {
            refused += u64::from(unit.keyframe);
            unit.data = [&bomb[..], &unit.data].concat().into();
        }
    }
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::BestFit), everybody()).unwrap();
    let output = script.play(&mut mixer, 2 * SECOND, 20_000);
    let pictures = pictures(&output);
    let shown = at(&pictures, SECOND);
    assert!(alike(colour_at(shown, 0.25, 0.5), RED));
    assert!(!alike(colour_at(shown, 0.75, 0.5), GREEN));
    assert!(mixer.counters().units_undecodable >= refused && refused > 0);
    assert_eq!(mixer.counters().pictures_decoded, 30, "of the first user alone");
    assert_eq!(mixer.take_undecodable(), ["2"]);
    assert!(mixer.take_undecodable().is_empty(), "told once");
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
