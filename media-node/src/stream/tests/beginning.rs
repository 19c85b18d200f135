//! Who joins gets what was sent before at once.

use super::rtp::*;
use crate::stream::{Patience, StreamEvent, Track, UserClock};

/// What a sender sends from `from_us` on, the recording's beginning being 0. The reader joins at `joins_us` and first gets all
/// from before, which takes `takes_us`.
fn joined(from_us: i64, joins_us: i64, takes_us: i64, reports: bool) -> Vec<Sent> {
    let sent = interleave([Sender::video(), Sender::audio()].map(|sender| {
        let sender = Sender {
            from_us,
            first_report_us: reports.then_some(0),
            ..sender
        };
        sender.send(30 * SECOND, none)
    }));
    let before = sent.iter().filter(|sent| sent.arrival_us < joins_us).count() as i64;
    let mut number = 0;
    sent.into_iter()
        .map(|mut sent| {
            // Over TCP what comes meanwhile comes behind it.
            sent.arrival_us = sent
                .arrival_us
                .max(joins_us + takes_us * number.min(before) / before.max(1));
            number += 1;
            if let What::Packet(packet) = &mut sent.what {
                packet.arrival_us = sent.arrival_us;
            }
            sent
        })
        .collect()
}

fn told(events: &[StreamEvent]) -> Vec<&StreamEvent> {
    events
        .iter()
        .filter(|event| !matches!(event, StreamEvent::Unit(..) | StreamEvent::Format(..)))
        .collect()
}

#[test]
fn a_stream_that_began_before_the_recording_is_recorded_from_there() {
    for before_us in [100_000, 300_000, 600_000, 1_000_000, 2_300_000, 4_900_000] {
        for (takes_us, reports) in [(0, true), (0, false), (90_000, true), (700_000, true), (700_000, false)] {
            if takes_us * 2 > before_us {
                continue;
            }
            let case = format!("{before_us} {takes_us} {reports}");
            let events = capture(&joined(-before_us, 0, takes_us, reports), 0);
            assert_in_order(&events);
            assert_eq!(told(&events), [] as [&StreamEvent; 0], "{case}");
            for track in [Track::Audio, Track::Video] {
                assert_eq!(formats(&events, track), 1, "{case}");
                let units = units(&events, track);
                let captured_us: Vec<i64> = units.iter().map(|unit| unit.pts_us - error_us(unit)).collect();
                assert!(captured_us[0] >= -550_000, "{case}: {track:?} from {}", captured_us[0]);
                // At the latest with the next key frame.
                assert!(captured_us[0] < 1_000_000, "{case}: {track:?} from {}", captured_us[0]);
                assert!(*captured_us.last().unwrap() > 29_900_000, "{case}");
                for unit in units.iter().filter(|unit| unit.pts_us > 15 * SECOND) {
                    assert!(
                        (error_us(unit) - 30_000).abs() < 45_000,
                        "{case}: {track:?} {}",
                        error_us(unit)
                    );
                }
            }
            // What is brought back later is put off side by side.
            let [audio, video] = [Track::Audio, Track::Video].map(|track| error_us(units(&events, track)[0]));
            assert!((audio - video).abs() < 45_000, "{case}: {audio} {video}");
            let most_us = if reports { 25_000 } else { 45_000 };
            assert!(apart_us(&events, 15 * SECOND) < most_us, "{case}");
        }
    }
}

#[test]
fn a_stream_that_began_while_it_was_waited_for_loses_nothing() {
    for takes_us in [0, 90_000, 700_000] {
        let sent = joined(10 * SECOND, 12 * SECOND, takes_us, true);
        let packets = sent.iter().filter(|sent| matches!(sent.what, What::Packet(_)));
        let events = capture(&sent, 0);
        assert_in_order(&events);
        assert_eq!(told(&events), [] as [&StreamEvent; 0], "{takes_us}");
        let recorded = [Track::Audio, Track::Video].map(|track| units(&events, track));
        assert_eq!(recorded.iter().map(Vec::len).sum::<usize>(), packets.count());
        for unit in recorded.iter().flatten() {
            assert!(
                (error_us(unit) - 30_000).abs() < 45_000,
                "{takes_us}: {}",
                error_us(unit)
            );
        }
    }
}

#[test]
fn sound_in_large_packets_is_no_clock_that_runs_fast() {
    // A third of a second in each packet.
    const FRAMES: usize = 16;
    for (from_us, joins_us) in [
        (10 * SECOND, 10 * SECOND),
        (10 * SECOND, 12 * SECOND),
        (10 * SECOND, 12 * SECOND + 200_000),
    ] {
        let sent = joined(from_us, joins_us, 0, true);
        let is_sound = |sent: &Sent| matches!(sent.what, What::Packet(_)) && sent.index == 0;
        let mut sound: Vec<Sent> = sent.into_iter().filter(is_sound).collect();
        for packet in sound.chunks_mut(FRAMES) {
            let arrival_us = packet.last().unwrap().arrival_us;
            for sent in packet {
                sent.arrival_us = arrival_us;
                if let What::Packet(packet) = &mut sent.what {
                    packet.arrival_us = arrival_us;
                }
            }
        }
        let events = capture(&sound, 0);
        assert_in_order(&events);
        assert_eq!(told(&events), [] as [&StreamEvent; 0], "{joins_us}");
        assert_eq!(units(&events, Track::Audio).len(), sound.len(), "{joins_us}");
    }
}

#[test]
fn what_was_sent_too_long_ago_for_a_mix_is_no_trouble_of_its_sender() {
    let sent = joined(10 * SECOND, 14 * SECOND, 50_000, true);
    let events = capture_as(&UserClock::new(Patience::Budget(500_000)), "camera", &sent, 0);
    assert_in_order(&events);
    assert_eq!(told(&events), [] as [&StreamEvent; 0]);
    // What is in time, and the pictures that it refers to.
    let first_us = |track| units(&events, track)[0].pts_us;
    assert!((13_400_000..13_700_000).contains(&first_us(Track::Audio)));
    assert!(first_us(Track::Video) < 11 * SECOND);
}
