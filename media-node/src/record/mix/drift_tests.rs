//! Two senders, one with a clock that runs 200 ppm fast and one 200 ppm slow, for ten minutes.

use protocol::Layout;

use super::paint::BLACK;
use super::testing::*;
use super::{Mixer, Output};

const SECOND: i64 = 1_000_000;
const MINUTES: i64 = 10;
/// Beats are this long.
const BEAT_US: i64 = 200_000;

/// A flash and a beep at each full second of the sender's clock, whose times are stretched to ours.
fn sender(frequency: f32, ppm: i64) -> Timed {
    let beats = |us: i64| us.rem_euclid(SECOND) < BEAT_US;
    let mut units = video(0, MINUTES * 60 * SECOND, 15, |us| if beats(us) { WHITE } else { BLACK });
    units.extend(tone(0, MINUTES * 60 * SECOND, frequency, |us| {
        if beats(us) { 0.4 } else { 0.0 }
    }));
    for (_, unit) in &mut units {
        unit.pts_us += unit.pts_us * ppm / 1_000_000;
        unit.dts_us += unit.dts_us * ppm / 1_000_000;
    }
    units
}

/// Times at which something begins.
fn onsets(states: impl Iterator<Item = (i64, bool)>) -> Vec<i64> {
    let mut before = false;
    let mut found = Vec::new();
    for (us, on) in states {
        if on && !before {
            found.push(us);
        }
        before = on;
    }
    found
}

#[test]
fn flash_and_beep_keep_together_and_in_time_with_clocks_that_drift() {
    let senders = [("fast", 1000.0, 200), ("slow", 2500.0, -200)];
    let mut script = Script::default();
    for (uid, frequency, ppm) in senders {
        script.join(0, uid);
        script.send(uid, sender(frequency, ppm));
    }
    let end_us = MINUTES * 60 * SECOND;
    let mut mixer = Mixer::new(&settings(64, 36, 15), scene(Layout::BestFit), everybody()).unwrap();
    let output = script.play(&mut mixer, end_us, 100_000);
    let (pictures, samples) = (pictures(&output), samples(&mixer, &output));
    assert!(output.iter().any(|made| matches!(made, Output::Audio(_))));
    for (index, (uid, frequency, ppm)) in senders.into_iter().enumerate() {
        let x = 0.25 + 0.5 * index as f64;
        let flashes = onsets(
            pictures
                .iter()
                .map(|(us, picture)| (*us, colour_at(picture, x, 0.5).0[0] > 125)),
        );
        let windows = samples.chunks(480).enumerate();
        let beeps =
            onsets(windows.map(|(window, samples)| (window as i64 * 10_000, loudness(samples, frequency) > 0.15)));
        let expected = |beat: usize| beat as i64 * (SECOND + ppm);
        assert!(
            (flashes.len() as i64 - MINUTES * 60).abs() <= 1,
            "{uid}: {} flashes",
            flashes.len()
        );
        assert_eq!(flashes.len(), beeps.len(), "{uid}");
        let mut apart: Vec<i64> = flashes
            .iter()
            .zip(&beeps)
            .map(|(flash, beep)| (flash - beep).abs())
            .collect();
        apart.sort_unstable();
        assert!(
            apart[apart.len() * 95 / 100] <= 80_000,
            "{uid}: {} µs apart",
            apart[apart.len() * 95 / 100]
        );
        let late = beeps
            .iter()
            .enumerate()
            .map(|(beat, us)| (us - expected(beat)).abs())
            .max()
            .unwrap();
        assert!(late <= 25_000, "{uid}: a beep is {late} µs from its time");
    }
    let counters = mixer.counters();
    assert_eq!(counters.units_undecodable, 0);
    assert!(
        counters.samples_missing < 48_000 / 5,
        "nothing was filled up: {}",
        counters.samples_missing
    );
}
