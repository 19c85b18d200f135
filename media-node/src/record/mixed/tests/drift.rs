//! Two senders, one with a clock that runs 200 ppm fast and one 200 ppm slow, for ten minutes, from their packets to the
//! mixed units.

use protocol::StreamName;

use super::super::feeder::{Feeder, Made};
use super::super::testing::{h264, spec, wishes};
use crate::mix::Output;
use crate::mix::testing::*;
use crate::stream::testing::{Path, Sent, capture};
use crate::stream::{Patience, StreamEvent, Track};

const SECOND: i64 = 1_000_000;
const SECONDS: i64 = 600;
/// Beats are this long.
const BEAT_US: i64 = 200_000;
const SENDERS: [(&str, f32, i64); 2] = [("fast", 1000.0, 200), ("slow", 2500.0, -200)];

fn path(ppm: i64) -> Path {
    Path {
        ppm,
        delay_us: 30_000,
        jitter_us: 20_000,
    }
}

/// What is captured of a flash and a beep at each full second of the sender's clock.
fn sender(frequency: f32, ppm: i64) -> Vec<(i64, StreamEvent)> {
    let beats = |us: i64| us.rem_euclid(SECOND) < BEAT_US;
    let units = |units: Timed| units.into_iter().map(|(_, unit)| unit).collect();
    let video = Sent {
        track: Track::Video,
        format: h264(),
        frame_us: 66_667,
        units: units(video(
            0,
            SECONDS * SECOND,
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
            SECONDS * SECOND,
            frequency,
            |us| {
                if beats(us) { 0.4 } else { 0.0 }
            },
        )),
    };
    capture(vec![audio, video], &path(ppm), Patience::Budget(500_000))
}

/// The mixed units of both.
fn mix() -> (Feeder, Vec<Output>, Vec<f32>) {
    let mut small = spec();
    (small.output.width, small.output.height) = (64, 36);
    let mut feeder = Feeder::new(small, wishes(&SENDERS.map(|(uid, ..)| uid)), i64::MIN);
    let mut events: Vec<_> = SENDERS
        .into_iter()
        .flat_map(|(uid, frequency, ppm)| {
            let captured = sender(frequency, ppm).into_iter();
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
    for now_us in (0..SECONDS * SECOND).step_by(20_000) {
        while let Some((at_us, uid, event)) = events.next_if(|(at_us, ..)| *at_us <= now_us) {
            feeder.event(uid, StreamName::Camera, event, at_us).unwrap();
        }
        feeder.advance(now_us, &mut keep);
    }
    feeder.end(SECONDS * SECOND, &mut keep);
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

#[test]
fn flash_and_beep_keep_together_and_in_time_with_clocks_that_drift() {
    let (feeder, output, samples) = mix();
    let pictures = pictures(&output);
    let sound_us = output
        .iter()
        .find(|made| matches!(made, Output::Audio(_)))
        .map(|made| made.unit().pts_us)
        .unwrap();
    for (index, (uid, frequency, ppm)) in SENDERS.into_iter().enumerate() {
        let path = path(ppm);
        let x = 0.25 + 0.5 * index as f64;
        let lit = |picture| colour_at(picture, x, 0.5).0[0] > 125;
        let flashes = beats(pictures.iter().map(|(us, picture)| (*us, lit(picture))), &path);
        let windows = samples.chunks(480).enumerate();
        let loud =
            windows.map(|(window, samples)| (sound_us + window as i64 * 10_000, loudness(samples, frequency) > 0.15));
        let beeps = beats(loud, &path);
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
