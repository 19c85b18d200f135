//! Senders whose clocks drift, from their packets to the mixed units.

use protocol::StreamName;

use super::super::feeder::{Feeder, Made};
use super::super::testing::{h264, spec, wishes};
use crate::media::Picture;
use crate::mix::Output;
use crate::mix::testing::*;
use crate::stream::testing::{Path, Sent, capture};
use crate::stream::{Patience, StreamEvent, Track};

const SECOND: i64 = 1_000_000;
const SECONDS: i64 = 600;
/// Beats are this long.
const BEAT_US: i64 = 200_000;
/// Each with the pitch of its sound, and by how many parts per million its clock is fast.
type Senders = [(&'static str, f32, i64); 2];
/// As quartzes do.
const DRIFTING: Senders = [("fast", 1000.0, 200), ("slow", 2500.0, -200)];
/// One captures with a clock that is none.
const SLOW: Senders = [("slow", 1000.0, -30_000), ("right", 2500.0, 0)];
const SLOW_SECONDS: i64 = 90;

fn path(ppm: i64) -> Path {
    Path {
        ppm,
        delay_us: 30_000,
        jitter_us: 20_000,
    }
}

/// What is captured of a flash and a beep at each full second of the sender's clock.
fn sender(frequency: f32, ppm: i64, seconds: i64) -> Vec<(i64, StreamEvent)> {
    let beats = |us: i64| us.rem_euclid(SECOND) < BEAT_US;
    let units = |units: Timed| units.into_iter().map(|(_, unit)| unit).collect();
    let video = Sent {
        track: Track::Video,
        format: h264(),
        frame_us: 66_667,
        units: units(video(
            0,
            seconds * SECOND,
            15,
            |us| {
                if beats(us) { WHITE } else { BLACK }
            },
        )),
    };
    let audio = Sent {
        track: Track::Audio,
        format: aac_format(),
        frame_us: 21_333,
        units: units(tone(
            0,
            seconds * SECOND,
            frequency,
            |us| {
                if beats(us) { 0.4 } else { 0.0 }
            },
        )),
    };
    capture(vec![audio, video], &path(ppm), Patience::Budget(500_000))
}

/// The mixed units of both.
fn mix(senders: Senders, seconds: i64) -> (Feeder, Vec<Output>, Vec<f32>) {
    let mut small = spec();
    (small.output.width, small.output.height) = (64, 36);
    let mut feeder = Feeder::new(small, wishes(&senders.map(|(uid, ..)| uid)), i64::MIN);
    let mut events: Vec<_> = senders
        .into_iter()
        .flat_map(|(uid, frequency, ppm)| {
            let captured = sender(frequency, ppm, seconds).into_iter();
            captured.map(move |(at_us, event)| (at_us, uid, event))
        })
        .collect();
    events.sort_by_key(|(at_us, ..)| *at_us);
    let mut events = events.into_iter().peekable();
    let (mut output, mut tracks) = (Vec::new(), Vec::new());
    let mut keep = |made| match made {
        Made::Begin(of_mix) => tracks = of_mix,
        Made::Unit(unit) => output.push(unit),
        Made::Pause | Made::End | Made::Failed(_) | Made::Overload(_) => {}
    };
    for now_us in (0..seconds * SECOND).step_by(20_000) {
        while let Some((at_us, uid, event)) = events.next_if(|(at_us, ..)| *at_us <= now_us) {
            feeder.event(uid, StreamName::Camera, event, at_us).unwrap();
        }
        feeder.advance(now_us, &mut keep);
    }
    feeder.end(seconds * SECOND, &mut keep);
    let samples = samples(&tracks, &output);
    (feeder, output, samples)
}

/// The moments at which something begins, by the number of the sender's second that is nearest.
fn beats(states: impl Iterator<Item = (i64, bool)>, path: &Path) -> Vec<Option<i64>> {
    let mut found = vec![None; SECONDS as usize];
    let mut before = true;
    for (us, on) in states {
        if on && !before {
            let number = ((us - path.delay_us) as f64 * (1.0 + path.ppm as f64 / 1e6) / 1e6).round();
            assert_eq!(found[number as usize].replace(us), None, "one beat a second");
        }
        before = on;
    }
    found
}

fn first_sound_us(output: &[Output]) -> i64 {
    let first = output.iter().find(|made| matches!(made, Output::Audio(_)));
    first.unwrap().unit().pts_us
}

/// When the place of the user with this number is white.
fn lit(pictures: &[(i64, Picture)], index: usize) -> impl Iterator<Item = (i64, bool)> {
    let x = 0.25 + 0.5 * index as f64;
    let is_white = move |picture| colour_at(picture, x, 0.5).0[0] > 125;
    pictures.iter().map(move |(us, picture)| (*us, is_white(picture)))
}

/// When a pitch is heard.
fn loud(samples: &[f32], from_us: i64, frequency: f32) -> impl Iterator<Item = (i64, bool)> {
    let windows = samples.chunks(480).enumerate();
    windows.map(move |(window, samples)| (from_us + window as i64 * 10_000, loudness(samples, frequency) > 0.15))
}

/// The moments at which something begins.
fn beginnings(states: impl Iterator<Item = (i64, bool)>) -> Vec<i64> {
    let mut before = true;
    let begins = states.filter(|(_, on)| !std::mem::replace(&mut before, *on) && *on);
    begins.map(|(us, _)| us).collect()
}

#[test]
fn a_user_with_a_slow_clock_is_seen_and_heard_together_and_never_mute() {
    let (_, output, samples) = mix(SLOW, SLOW_SECONDS);
    let pictures = pictures(&output);
    let sound_us = first_sound_us(&output);
    for (index, (uid, frequency, _)) in SLOW.into_iter().enumerate() {
        let flashes = beginnings(lit(&pictures, index));
        let beeps = beginnings(loud(&samples, sound_us, frequency));
        let nearest = |flash: &i64| beeps.iter().map(|beep| (flash - beep).abs()).min().unwrap();
        let mut apart: Vec<i64> = flashes.iter().map(nearest).collect();
        apart.sort_unstable();
        let usual = apart[apart.len() * 95 / 100];
        let longest = beeps.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        println!(
            "{uid}: {} beeps, {longest} µs between two at most; flash and beep {usual} µs apart (95 %)",
            beeps.len()
        );
        assert!(usual <= 80_000, "{uid}: {usual} µs apart");
        // A beat of its own clock, and a hole as long as it was late.
        assert!(longest <= 1_030_000 + 600_000, "{uid} is mute for {longest} µs");
        assert!(beeps.len() as i64 >= SLOW_SECONDS - 6, "{uid}: {} beeps", beeps.len());
    }
}

#[test]
fn flash_and_beep_keep_together_and_in_time_with_clocks_that_drift() {
    let (feeder, output, samples) = mix(DRIFTING, SECONDS);
    let pictures = pictures(&output);
    let sound_us = first_sound_us(&output);
    for (index, (uid, frequency, ppm)) in DRIFTING.into_iter().enumerate() {
        let path = path(ppm);
        let flashes = beats(lit(&pictures, index), &path);
        let beeps = beats(loud(&samples, sound_us, frequency), &path);
        // The last second is cut off by the end, the first by the beginning.
        let inner = 1..SECONDS as usize - 1;
        let mut apart = Vec::new();
        let mut off = Vec::new();
        for number in inner {
            let (flash, beep) = (flashes[number].unwrap(), beeps[number].unwrap());
            apart.push((flash - beep).abs());
            off.push((beep - path.ours_us(number as i64 * SECOND) - path.delay_us).abs());
        }
        apart.sort_unstable();
        let (usual, worst) = (apart[apart.len() * 95 / 100], apart[apart.len() - 1]);
        let late = off.iter().max().unwrap();
        println!("{uid}: flash and beep {usual} µs apart (95 %), {worst} at most; {late} µs from its time at most");
        assert!(usual <= 80_000, "{uid}: {usual} µs apart");
        assert!(*late <= 30_000, "{uid}: a beep is {late} µs from its time");
    }
    let counters = feeder.counters();
    assert_eq!((counters.units_undecodable, counters.audio_units_dropped), (0, 0));
    assert!(
        counters.samples_missing < 48_000 / 2,
        "nothing was filled up: {}",
        counters.samples_missing
    );
}
