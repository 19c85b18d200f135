//! When units are played: by the reports and the clocks of their senders.

use super::rtp::*;
use crate::stream::track::SenderReport;
use crate::stream::{AccessUnit, Patience, StreamEvent, Track, UserClock};

#[test]
fn early_reports_align_from_the_first_unit() {
    let video = Sender {
        delay_us: 400_000,
        ..Sender::video()
    };
    let sent = interleave([
        video.send(10 * SECOND, jitter(30_000)),
        Sender::audio().send(10 * SECOND, jitter(5_000)),
    ]);
    let events = capture(&sent, 0);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) <= 30);
    let spacing = units(&events, Track::Video);
    assert!(
        spacing
            .windows(2)
            .all(|pair| (pair[1].pts_us - pair[0].pts_us - 40_000).abs() <= 1)
    );
    // Nothing is held once all is known: the anchor is the arrival of what came with the least delay.
    assert!(error_us(units(&events, Track::Audio)[0]) <= 35_000);
}

#[test]
fn late_reports_move_the_picture_and_never_the_sound() {
    let video = Sender {
        delay_us: 400_000,
        first_report_us: Some(3 * SECOND),
        ..Sender::video()
    };
    let audio = Sender {
        first_report_us: Some(4 * SECOND),
        ..Sender::audio()
    };
    let sent = interleave([video.send(20 * SECOND, none), audio.send(20 * SECOND, none)]);
    let events = capture(&sent, 0);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) > 300_000);
    assert!(apart_us(&events, 8 * SECOND) <= 2_000);
    let audio = units(&events, Track::Audio);
    assert!(
        audio
            .iter()
            .all(|unit| (error_us(unit) - error_us(audio[0])).abs() <= 25)
    );
    assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
}

#[test]
fn without_reports_tracks_stay_where_they_arrive() {
    // The picture's clock runs fast: without a correction it would be 360 ms off after 20 minutes.
    let video = Sender {
        first_report_us: None,
        drift_ppm: 300,
        ..Sender::video()
    };
    let audio = Sender {
        first_report_us: None,
        ..Sender::audio()
    };
    let sent = interleave([
        video.send(1200 * SECOND, jitter(20_000)),
        audio.send(1200 * SECOND, jitter(20_000)),
    ]);
    let events = capture(&sent, 0);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) < 80_000, "{}", apart_us(&events, 0));
}

#[test]
fn media_stays_where_it_arrives_for_an_hour() {
    let patiences = [Patience::Endless, Patience::Budget(500_000)];
    for (drift_ppm, patience) in [200, -200]
        .into_iter()
        .flat_map(|ppm| patiences.map(|patience| (ppm, patience)))
    {
        let sender = |sender: Sender| Sender { drift_ppm, ..sender }.send(3600 * SECOND, jitter(20_000));
        let sent = interleave([sender(Sender::video()), sender(Sender::audio())]);
        let events = capture_as(&UserClock::new(patience), "camera", &sent, 0);
        assert_in_order(&events);
        assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
        assert!(apart_us(&events, 0) < 20_000, "{}", apart_us(&events, 0));
        for track in [Track::Audio, Track::Video] {
            for unit in units(&events, track) {
                let behind_us = error_us(unit) - Sender::audio().delay_us;
                assert!(
                    behind_us.abs() < 15_000,
                    "{drift_ppm} ppm, {track:?}: {behind_us} at {}",
                    unit.pts_us
                );
            }
        }
    }
}

#[test]
fn a_while_of_late_packets_hardly_moves_what_is_mixed() {
    let late = |us| {
        if (20 * SECOND..40 * SECOND).contains(&us) {
            400_000
        } else {
            0
        }
    };
    let sent = [Sender::video(), Sender::audio()].map(|sender| {
        let mut sent = sender.send(90 * SECOND, none);
        for sent in &mut sent {
            sent.arrival_us += late(sent.arrival_us);
            if let What::Packet(packet) = &mut sent.what {
                packet.arrival_us = sent.arrival_us;
            }
        }
        sent
    });
    let events = capture_as(
        &UserClock::new(Patience::Budget(500_000)),
        "camera",
        &interleave(sent),
        0,
    );
    let audio = units(&events, Track::Audio);
    let (first, last) = (error_us(audio[0]), error_us(audio[audio.len() - 1]));
    let most = audio.iter().map(|unit| error_us(unit) - first).max().unwrap();
    assert!(most <= 25_000, "{most}");
    assert!((last - first).abs() <= 5_000, "{first} {last}");
}

/// What both tracks send until 60 s, of which all from 20 s on comes so much later, with the same timestamps.
fn standing_still(stall_us: i64) -> Vec<Sent> {
    interleave([Sender::video(), Sender::audio()].map(|sender| {
        let mut sent = sender.send(60 * SECOND, none);
        for sent in sent.iter_mut().filter(|sent| sent.arrival_us >= 20 * SECOND) {
            sent.arrival_us += stall_us;
            match &mut sent.what {
                What::Packet(packet) => packet.arrival_us = sent.arrival_us,
                What::Report(report) => report.ntp_us += stall_us,
            }
        }
        sent
    }))
}

#[test]
fn a_sender_that_stood_still_leaves_a_hole_of_that_length_and_is_heard_again() {
    for stall_us in [700_000, 1_900_000] {
        let user = UserClock::new(Patience::Budget(500_000));
        let events = capture_as(&user, "camera", &standing_still(stall_us), 0);
        assert_in_order(&events);
        for track in [Track::Audio, Track::Video] {
            let units = units(&events, track);
            let holes: Vec<i64> = units
                .windows(2)
                .map(|pair| pair[1].pts_us - pair[0].pts_us)
                .filter(|step| *step > 100_000)
                .collect();
            let [hole] = holes[..] else {
                panic!("{track:?}: {holes:?}")
            };
            assert!((hole - stall_us).abs() < 60_000, "{track:?}: {hole}");
            // Of what comes behind it, no more than the time in which it shows comes too late.
            let before = units
                .iter()
                .position(|unit| unit.pts_us - error_us(unit) >= 20 * SECOND)
                .unwrap();
            let is_late = |unit: &&&AccessUnit| error_us(unit) < stall_us - 450_000;
            let too_late = units[before..].iter().filter(is_late).count() as i64;
            let frame_us = if track == Track::Video { 40_000 } else { 21_333 };
            assert!(too_late * frame_us <= 300_000, "{track:?}: {too_late}");
            assert_eq!(formats(&events, track), 1, "{track:?} goes on");
        }
        assert!(apart_us(&events, 25 * SECOND) < 45_000);
    }
}

/// The same from a sender whose reports do not tell of it.
fn standing_still_silently(stall_us: i64) -> Vec<Sent> {
    let mut sent = standing_still(stall_us);
    for sent in &mut sent {
        if let What::Report(report) = &mut sent.what
            && sent.arrival_us >= 20 * SECOND
        {
            report.ntp_us -= stall_us;
        }
    }
    sent
}

#[test]
fn a_stall_within_the_budget_changes_nothing_that_is_mixed() {
    let user = UserClock::new(Patience::Budget(2 * SECOND));
    let events = capture_as(&user, "camera", &standing_still_silently(700_000), 0);
    let audio = units(&events, Track::Audio);
    assert!(audio.windows(2).all(|pair| pair[1].pts_us - pair[0].pts_us < 25_000));
}

#[test]
fn individually_a_stall_becomes_a_hole_of_its_length_with_or_without_reports_of_it() {
    for (sent, until_us) in [
        (standing_still(700_000), 26_500_000),
        (standing_still_silently(700_000), 22_500_000),
    ] {
        let events = capture(&sent, 0);
        assert_in_order(&events);
        let moved: Vec<i64> = events
            .iter()
            .filter_map(|event| match event {
                StreamEvent::Moved(by_us) => Some(*by_us),
                _ => None,
            })
            .collect();
        assert!(matches!(moved[..], [by] if (by - 700_000).abs() < 40_000), "{moved:?}");
        for track in [Track::Audio, Track::Video] {
            for unit in units(&events, track) {
                let late_us = error_us(unit) - Sender::audio().delay_us;
                let before = unit.pts_us - error_us(unit) < 20 * SECOND;
                let truth_us = if before { 0 } else { 700_000 };
                assert!(
                    (late_us - truth_us).abs() < 40_000 || (20 * SECOND..until_us).contains(&unit.pts_us),
                    "{track:?} {late_us} at {}",
                    unit.pts_us
                );
            }
        }
        assert!(apart_us(&events, 0) < 720_000 && apart_us(&events, until_us) < 45_000);
    }
}

/// Of a sender that stands still for less than networks hold packets up, and says nothing of it.
#[test]
fn individually_a_short_stall_is_made_up_after_five_seconds_or_bit_by_bit_where_it_is_hardly_one() {
    for (stall_us, leaps) in [(250_000, true), (120_000, true), (80_000, false), (60_000, false)] {
        for with_reports in [false, true] {
            let what = format!("{stall_us}, with reports: {with_reports}");
            let mut sent = standing_still_silently(stall_us);
            if !with_reports {
                sent.retain(|sent| matches!(sent.what, What::Packet(_)));
            }
            let events = capture(&sent, 0);
            assert_in_order(&events);
            // How far sound stands from its time behind the stall.
            let off = units(&events, Track::Audio).into_iter().filter_map(|unit| {
                let sent_us = unit.pts_us - error_us(unit);
                let off_us = (error_us(unit) - Sender::audio().delay_us - stall_us).abs();
                (sent_us >= 20 * SECOND).then_some((sent_us - 20 * SECOND, off_us))
            });
            for (since_us, off_us) in off {
                // By a thousandth, from the end of the window of five seconds that shows it.
                let made_up_us = (since_us - 10 * SECOND).max(0) / 1_000;
                let most_us = match leaps {
                    true if since_us > 6 * SECOND => 40_000,
                    true => stall_us,
                    false => (stall_us - made_up_us).max(40_000),
                };
                assert!(off_us <= most_us + 2_000, "{what}: {off_us} after {since_us}");
            }
        }
    }
}

#[test]
fn clocks_that_are_wrong_by_three_per_cent_are_kept_in_time() {
    for (drift_ppm, patience, most_us) in [
        (-30_000, Patience::Budget(500_000), 500_000),
        (-30_000, Patience::Endless, 200_000),
        (30_000, Patience::Budget(500_000), 80_000),
        (30_000, Patience::Endless, 80_000),
    ] {
        let sent = [Sender::video(), Sender::audio()].map(|sender| {
            let wrong = Sender {
                drift_ppm,
                first_report_us: None,
                ..sender
            };
            wrong.send(120 * SECOND, none)
        });
        let events = capture_as(&UserClock::new(patience), "camera", &interleave(sent), 0);
        assert_in_order(&events);
        let errors = units(&events, Track::Audio).into_iter().map(error_us);
        let worst_us = errors.map(|error| (error - 30_000).abs()).max().unwrap();
        assert!(worst_us < most_us, "{drift_ppm} {patience:?}: {worst_us}");
        assert!(events.iter().any(|event| matches!(event, StreamEvent::Moved(_))));
        if patience == Patience::Endless {
            let audio = units(&events, Track::Audio).into_iter();
            let settled = audio.filter(|unit| unit.pts_us > 10 * SECOND).map(error_us);
            let worst_us = settled.map(|error| (error - 30_000).abs()).max().unwrap();
            assert!(worst_us < 45_000, "{drift_ppm}: {worst_us}");
        }
    }
}

#[test]
fn with_reports_a_slow_clock_is_followed_from_one_to_the_next() {
    let sent = [Sender::video(), Sender::audio()].map(|sender| {
        let slow = Sender {
            drift_ppm: -30_000,
            ..sender
        };
        slow.send(120 * SECOND, none)
    });
    let events = capture(&interleave(sent), 0);
    assert_in_order(&events);
    let errors = units(&events, Track::Audio).into_iter().map(error_us);
    let worst_us = errors.map(|error| (error - 30_000).abs()).max().unwrap();
    assert!(worst_us < 350_000, "{worst_us}");
}

#[test]
fn sound_that_always_comes_too_late_for_a_mix_is_placed_where_it_arrives() {
    let audio = Sender {
        delay_us: 800_000,
        ..Sender::audio()
    };
    let sent = interleave([audio.send(20 * SECOND, none), Sender::video().send(20 * SECOND, none)]);
    let user = UserClock::new(Patience::Budget(500_000));
    let events = capture_as(&user, "camera", &sent, 0);
    assert_in_order(&events);
    let late = units(&events, Track::Audio)
        .into_iter()
        .filter(|unit| error_us(unit) < 800_000 - 450_000);
    assert!(late.count() < 75, "more than a second and a half is lost");
    assert!(apart_us(&events, 10 * SECOND) < 5_000);
}

#[test]
fn one_track_that_drifts_follows_the_other() {
    let video = Sender {
        drift_ppm: 400,
        ..Sender::video()
    };
    let sent = interleave([
        video.send(1800 * SECOND, none),
        Sender::audio().send(1800 * SECOND, none),
    ]);
    let events = capture(&sent, 0);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) < 10_000, "{}", apart_us(&events, 0));
}

#[test]
fn timestamps_wrap_without_a_trace() {
    let run = |first_timestamp| {
        let video = Sender {
            first_timestamp,
            ..Sender::video()
        };
        let audio = Sender {
            first_timestamp,
            ..Sender::audio()
        };
        let events = capture(
            &interleave([video.send(9 * SECOND, none), audio.send(9 * SECOND, none)]),
            0,
        );
        [Track::Audio, Track::Video]
            .map(|track| units(&events, track).iter().map(|unit| unit.pts_us).collect::<Vec<_>>())
    };
    for (plain, wrapped) in run(9_000).iter().zip(run(u32::MAX - 192_000)) {
        assert_eq!(plain.len(), wrapped.len());
        // Ticks are rounded to microseconds.
        assert!(plain.iter().zip(&wrapped).all(|(a, b)| (a - b).abs() <= 1));
    }
}

#[test]
fn b_frames_are_decoded_before_they_are_shown() {
    let video = Sender {
        b_frames: 3,
        ..Sender::video()
    };
    let sent = interleave([video.send(10 * SECOND, none), Sender::audio().send(10 * SECOND, none)]);
    let events = capture(&sent, 1);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) <= 30);
    let video = units(&events, Track::Video);
    assert!(
        video
            .windows(2)
            .all(|pair| (pair[1].dts_us - pair[0].dts_us - 40_000).abs() <= 1)
    );
}

#[test]
fn sound_whose_stamps_jitter_loses_nothing() {
    let mut sent = Sender::audio().send(30 * SECOND, none);
    let mut frames = 0;
    for sent in &mut sent {
        if let What::Packet(packet) = &mut sent.what {
            // By up to 31 ms in either direction: one and a half frames.
            let off = frames * 7_919 % 3_001 - 1_500;
            packet.timestamp = packet.timestamp.wrapping_add(off as u32);
            frames += 1;
        }
    }
    let sent = interleave([sent, Sender::video().send(30 * SECOND, none)]);
    let events = capture(&sent, 0);
    assert_in_order(&events);
    let audio = units(&events, Track::Audio);
    assert_eq!(audio.len() as i32, frames);
    let restamped = events
        .iter()
        .filter(|event| **event == StreamEvent::Restamped(Track::Audio));
    assert!(restamped.count() > 100);
    let worst_us = audio.iter().map(|unit| error_us(unit).abs()).max().unwrap();
    assert!(worst_us < 110_000, "{worst_us}");
}

/// A slide show as muxers send it: a picture each `period_us`, and the sound since the picture before in a burst behind it.
fn in_bursts(period_us: i64, until_us: i64) -> [Vec<Sent>; 2] {
    let mut video = Sender::video().send(until_us, none);
    video.retain(|sent| match &sent.what {
        What::Packet(_) => (sent.arrival_us - 1_030_000) % period_us == 0,
        What::Report(_) => false,
    });
    let mut sequence = 0;
    for sent in &mut video {
        if let What::Packet(packet) = &mut sent.what {
            packet.sequence = sequence;
            sequence += 1;
            packet.payload = [&[1][..], &packet.payload[1..]].concat().into();
        }
    }
    let mut audio = Sender::audio().send(until_us, none);
    audio.retain(|sent| matches!(sent.what, What::Packet(_)));
    for sent in &mut audio {
        let periods = (sent.arrival_us - 1_030_000).div_euclid(period_us) + 1;
        sent.arrival_us = 1_030_000 + periods * period_us;
        if let What::Packet(packet) = &mut sent.what {
            packet.arrival_us = sent.arrival_us;
        }
    }
    // Reports tell of the moment at which they are sent, with the first packet of a burst.
    let report = |at_us: i64, sender: &Sender, rate: i64| {
        let moment_us = at_us - sender.delay_us;
        let ticks = (moment_us - sender.from_us) * rate / SECOND;
        Sent {
            arrival_us: at_us,
            index: sender.index,
            what: What::Report(SenderReport {
                ntp_us: NTP_START_US + moment_us,
                timestamp: sender.first_timestamp.wrapping_add(ticks as u32),
            }),
        }
    };
    for (sent, sender, rate) in [
        (&mut video, Sender::video(), 90_000),
        (&mut audio, Sender::audio(), 48_000),
    ] {
        let mut at: Vec<i64> = sent.iter().map(|sent| sent.arrival_us).collect();
        at.dedup();
        sent.extend(at.into_iter().map(|at_us| report(at_us, &sender, rate)));
        sent.sort_by_key(|sent| (sent.arrival_us, matches!(sent.what, What::Packet(_))));
    }
    [audio, video]
}

#[test]
fn sound_in_bursts_between_rare_pictures_stands_beside_them() {
    for period_us in [5 * SECOND, 8 * SECOND, 16 * SECOND] {
        // From its beginning, and as one who joins between two pictures has it.
        for joins_us in [0, 3 * period_us / 2] {
            let sent = in_bursts(period_us, 60 * SECOND);
            let mut sent = interleave(sent);
            sent.retain(|sent| sent.arrival_us >= joins_us);
            let events = capture(&sent, 0);
            assert_in_order(&events);
            assert_eq!(formats(&events, Track::Audio), 1, "{period_us}");
            assert!(apart_us(&events, 0) < 45_000, "{period_us}: {}", apart_us(&events, 0));
        }
    }
}

#[test]
fn sound_that_bursts_make_too_late_for_a_mix_is_told() {
    let sent = interleave(in_bursts(5 * SECOND, 60 * SECOND));
    let user = UserClock::new(Patience::Budget(500_000));
    let events = capture_as(&user, "camera", &sent, 0);
    assert!(apart_us(&events, 0) < 45_000);
    let told = events
        .iter()
        .filter(|event| **event == StreamEvent::TooLate(Track::Audio));
    assert!((30..60).contains(&told.count()));
    assert!(!capture(&sent, 0).contains(&StreamEvent::TooLate(Track::Audio)));
}
