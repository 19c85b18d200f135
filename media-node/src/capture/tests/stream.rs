use proptest::prelude::*;

use super::rtp::*;
use crate::capture::depacketize::Packet;
use crate::capture::stream::StreamCapture;
use crate::capture::track::SenderReport;
use crate::capture::{CaptureEvent, Pace, Track, UserClock};

const SECOND: i64 = 1_000_000;

fn none() -> i64 {
    0
}

/// A repeatable jitter of up to `max_us`.
fn jitter(max_us: i64) -> impl FnMut() -> i64 {
    let mut state = 1u64;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % (max_us + 1)
    }
}

/// The greatest distance between sound and picture from `after_us` on.
fn apart_us(events: &[CaptureEvent], after_us: i64) -> i64 {
    let errors = |track| {
        let late = units(events, track)
            .into_iter()
            .filter(move |unit| unit.pts_us >= after_us)
            .map(error_us);
        late.fold((i64::MAX, i64::MIN), |(least, most), error| {
            (least.min(error), most.max(error))
        })
    };
    let (audio, video) = (errors(Track::Audio), errors(Track::Video));
    assert!(audio.0 <= audio.1 && video.0 <= video.1, "both tracks have units");
    (video.1 - audio.0).max(audio.1 - video.0)
}

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
fn the_senders_pace_is_kept_over_an_hour() {
    let (video, audio) = (
        Sender {
            drift_ppm: 200,
            ..Sender::video()
        },
        Sender {
            drift_ppm: 200,
            ..Sender::audio()
        },
    );
    let sent = interleave([
        video.send(3600 * SECOND, jitter(20_000)),
        audio.send(3600 * SECOND, jitter(20_000)),
    ]);
    let events = capture(&sent, 0);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) <= 720_000);
    assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
    // Both drift alike: compare units of the same moment.
    let (audio, video) = (units(&events, Track::Audio), units(&events, Track::Video));
    for (unit, nearest) in video
        .iter()
        .skip(1000)
        .zip(audio.iter().step_by(1).skip(1875).step_by(15).flat_map(|a| [a; 8]))
    {
        assert!(
            (error_us(unit) - error_us(nearest)).abs() < 5_000,
            "{} {}",
            unit.pts_us,
            nearest.pts_us
        );
    }
}

#[test]
fn at_the_recorders_pace_media_stays_where_it_arrives_for_an_hour() {
    for drift_ppm in [200, -200] {
        let sender = |sender: Sender| Sender { drift_ppm, ..sender }.send(3600 * SECOND, jitter(20_000));
        let sent = interleave([sender(Sender::video()), sender(Sender::audio())]);
        let events = capture_as(&UserClock::new(Pace::Recorder), "camera", &sent, 0);
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
fn a_while_of_late_packets_hardly_moves_what_is_kept_at_the_recorders_pace() {
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
    let events = capture_as(&UserClock::new(Pace::Recorder), "camera", &interleave(sent), 0);
    let audio = units(&events, Track::Audio);
    let (first, last) = (error_us(audio[0]), error_us(audio[audio.len() - 1]));
    let most = audio.iter().map(|unit| error_us(unit) - first).max().unwrap();
    assert!(most <= 25_000, "{most}");
    assert!((last - first).abs() <= 5_000, "{first} {last}");
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

/// Sends one stretch, then another one with changed senders that goes on with the sequence numbers.
fn in_two(first: [&Sender; 2], second: [&Sender; 2], at_us: i64, until_us: i64) -> Vec<Sent> {
    let mut sent = interleave(first.map(|sender| sender.send(at_us, none)));
    let next = |index: usize| {
        let of_track = sent.iter().filter(|sent| sent.index == index);
        of_track.filter(|sent| matches!(sent.what, What::Packet(_))).count() as u16
    };
    let next = [next(0), next(1)];
    let mut later = interleave(second.map(|sender| sender.send(until_us, none)));
    for sent in &mut later {
        if let What::Packet(packet) = &mut sent.what {
            packet.sequence = packet.sequence.wrapping_add(next[sent.index]);
        }
    }
    sent.append(&mut later);
    sent
}

#[test]
fn a_clock_that_is_set_anew_begins_a_new_piece() {
    for first_timestamp in [
        12_345u32.wrapping_add(90_000 * 3600),
        12_345u32.wrapping_sub(90_000 * 3600),
    ] {
        let (audio, video) = (Sender::audio(), Sender::video());
        let video_after = Sender {
            from_us: 10 * SECOND,
            first_timestamp,
            ..Sender::video()
        };
        let audio_after = Sender {
            from_us: 10 * SECOND,
            first_timestamp,
            ..Sender::audio()
        };
        let sent = in_two([&audio, &video], [&audio_after, &video_after], 10 * SECOND, 20 * SECOND);
        let events = capture(&sent, 0);
        assert_in_order(&events);
        assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (2, 2));
        assert!(apart_us(&events, 0) <= 45_000);
        let last = units(&events, Track::Video).last().unwrap().pts_us;
        assert!((last - 20 * SECOND).abs() < 150_000, "{last}");
    }
}

#[test]
fn a_step_of_the_ntp_clock_is_not_a_break() {
    let (audio, video) = (Sender::audio(), Sender::video());
    let step = |sender: &Sender| -> Vec<Sent> {
        let mut sent = sender.send(60 * SECOND, none);
        for sent in &mut sent {
            if let What::Report(report) = &mut sent.what
                && sent.arrival_us > 28 * SECOND
            {
                report.ntp_us += 3600 * SECOND;
            }
        }
        sent
    };
    let events = capture(&interleave([step(&audio), step(&video)]), 0);
    assert_in_order(&events);
    assert!(apart_us(&events, 0) <= 30);
    assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
}

#[test]
fn a_pause_of_the_clock_is_made_up_behind_a_break() {
    // Frames go on 6 s later with the timestamps that follow.
    let sent = |sender: &Sender| -> Vec<Sent> {
        let mut sent = sender.send(40 * SECOND, none);
        let late = sent.iter_mut().filter(|sent| sent.arrival_us > 15 * SECOND);
        late.for_each(|sent| {
            sent.arrival_us += 6 * SECOND;
            if let What::Packet(packet) = &mut sent.what {
                packet.arrival_us += 6 * SECOND;
            }
        });
        sent
    };
    let events = capture(&interleave([sent(&Sender::audio()), sent(&Sender::video())]), 0);
    assert_in_order(&events);
    assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (2, 2));
    let last = units(&events, Track::Audio).last().copied().unwrap();
    assert!((error_us(last) - 6 * SECOND).abs() < 100_000, "{}", error_us(last));
    assert!(apart_us(&events, 35 * SECOND) < 50_000);
}

#[test]
fn a_long_silence_begins_a_new_piece_in_its_place() {
    let audio = Sender::audio().send(60 * SECOND, none);
    let audio: Vec<Sent> = audio
        .into_iter()
        .filter(|sent| !(10 * SECOND..40 * SECOND).contains(&sent.arrival_us))
        .collect();
    let mut sequence = 0u16;
    let mut sent = interleave([audio, Sender::video().send(60 * SECOND, none)]);
    for sent in &mut sent {
        if let (0, What::Packet(packet)) = (sent.index, &mut sent.what) {
            packet.sequence = sequence;
            sequence += 1;
        }
    }
    let events = capture(&sent, 0);
    assert_in_order(&events);
    assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (2, 1));
    assert!(apart_us(&events, 0) <= 2_100);
}

#[test]
fn a_picture_may_stand_still() {
    let mut video = Sender::video().send(60 * SECOND, none);
    let still = |sent: &Sent| (10 * SECOND..40 * SECOND + 200_000).contains(&sent.arrival_us);
    video.retain(|sent| !still(sent));
    for (sequence, sent) in (0..).zip(video.iter_mut().filter(|sent| matches!(sent.what, What::Packet(_)))) {
        if let What::Packet(packet) = &mut sent.what {
            packet.sequence = sequence;
        }
    }
    let events = capture(&interleave([video, Sender::audio().send(60 * SECOND, none)]), 0);
    assert_in_order(&events);
    assert_no_leap(&events);
    assert_eq!(formats(&events, Track::Video), 1);
    let video = units(&events, Track::Video);
    assert!(
        video
            .iter()
            .any(|unit| !unit.keyframe && (40 * SECOND..40 * SECOND + 400_000).contains(&unit.pts_us))
    );
    assert!(apart_us(&events, 0) <= 30);
}

#[test]
fn who_comes_back_is_placed_behind_what_is_there() {
    let user = UserClock::default();
    let fast = |sender: Sender| Sender {
        drift_ppm: 10_000,
        ..sender
    };
    let (audio, video) = (fast(Sender::audio()), fast(Sender::video()));
    let first = capture_as(
        &user,
        "camera",
        &interleave([audio.send(60 * SECOND, none), video.send(60 * SECOND, none)]),
        2,
    );
    let end = |track| units(&first, track).last().unwrap().pts_us;
    assert!(end(Track::Audio) > 60_500_000);
    let back = |sender: Sender| {
        Sender {
            from_us: 60 * SECOND,
            ..sender
        }
        .send(70 * SECOND, none)
    };
    let second = capture_as(
        &user,
        "camera",
        &interleave([back(Sender::audio()), back(Sender::video())]),
        2,
    );
    assert_in_order(&second);
    for track in [Track::Audio, Track::Video] {
        assert!(units(&second, track)[0].dts_us > end(track), "{track:?}");
    }
    assert!(apart_us(&second, 0) <= 30);
    let other = capture_as(
        &user,
        "screen",
        &interleave([back(Sender::audio()), back(Sender::video())]),
        2,
    );
    assert!(units(&other, Track::Audio)[0].pts_us < 60_100_000);
}

#[test]
fn streams_of_one_user_keep_together() {
    let user = UserClock::default();
    let mut camera = StreamCapture::new(vec![audio_track(0), video_track(0, 0)], user.join("camera"));
    let mut screen = StreamCapture::new(vec![video_track(0, 0)], user.join("screen"));
    let shared = Sender {
        index: 0,
        from_us: 5 * SECOND,
        delay_us: 900_000,
        ..Sender::video()
    };
    let to_camera = interleave([
        Sender::audio().send(20 * SECOND, none),
        Sender::video().send(20 * SECOND, none),
    ]);
    let to_screen = shared.send(20 * SECOND, none);
    let (mut camera_events, mut screen_events) = (Vec::new(), Vec::new());
    feed(&mut camera, &to_camera[..to_camera.len() / 2], &mut camera_events);
    feed(&mut screen, &to_screen, &mut screen_events);
    feed(&mut camera, &to_camera[to_camera.len() / 2..], &mut camera_events);
    camera.finish(&mut camera_events);
    screen.finish(&mut screen_events);
    let error = |events: &[CaptureEvent]| error_us(units(events, Track::Video).last().unwrap());
    assert!((error(&camera_events) - error(&screen_events)).abs() < 50);
}

#[test]
fn lost_packets_are_counted_and_video_resumes_at_a_keyframe() {
    let mut video = Sender::video().send(10 * SECOND, none);
    let at = video
        .iter()
        .position(|sent| sent.arrival_us > 5 * SECOND + 200_000)
        .unwrap();
    video.drain(at..at + 3);
    let events = capture(&interleave([video, Sender::audio().send(10 * SECOND, none)]), 0);
    assert_in_order(&events);
    let lost = events
        .iter()
        .position(|event| *event == CaptureEvent::Lost(Track::Video, 3))
        .unwrap();
    let next = units(&events[lost..], Track::Video)[0];
    assert!(next.keyframe);
    assert_eq!(formats(&events, Track::Video), 1);
}

#[test]
fn a_track_that_never_comes_does_not_hold_the_other_for_long() {
    let video = Sender {
        first_report_us: None,
        ..Sender::video()
    };
    let mut stream = StreamCapture::new(
        vec![audio_track(0), video_track(0, 0)],
        UserClock::default().join("camera"),
    );
    let mut events = Vec::new();
    feed(&mut stream, &video.send(1_400_000, none), &mut events);
    assert_eq!(events, []);
    let deadline_us = stream.deadline_us().unwrap();
    assert_eq!(deadline_us, 1_630_000);
    stream.tick(deadline_us - 1, &mut events);
    assert_eq!(events, []);
    stream.tick(deadline_us, &mut events);
    assert_eq!(units(&events, Track::Video).len(), 10);
    assert_eq!(stream.deadline_us(), None);
}

#[test]
fn late_and_repeated_packets_are_dropped() {
    let mut sent = Sender::audio().send(5 * SECOND, none);
    let packet = sent[40].clone();
    sent.insert(45, packet);
    let again = capture(&sent, 0);
    sent.remove(45);
    assert_eq!(again, capture(&sent, 0));
}

/// One step of a sender that does what it likes.
#[derive(Clone, Debug)]
enum Step {
    Packet {
        index: usize,
        after_us: i64,
        sequence: i32,
        ticks: i64,
        keyframe: bool,
    },
    Report {
        index: usize,
        after_us: i64,
        ntp_us: i64,
        timestamp: u32,
    },
    Tick {
        after_us: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![8 => 0i64..50_000, 1 => 0i64..15_000_000];
    let sequence = prop_oneof![20 => Just(1), 1 => -5i32..5, 1 => any::<i32>()];
    let ticks = prop_oneof![10 => 0i64..5_000, 5 => -10_000i64..20_000, 1 => any::<i64>()];
    let packet = (0usize..2, after.clone(), sequence, ticks, any::<bool>()).prop_map(
        |(index, after_us, sequence, ticks, keyframe)| Step::Packet {
            index,
            after_us,
            sequence,
            ticks,
            keyframe,
        },
    );
    let ntp = prop_oneof![NTP_START_US..NTP_START_US + 20_000_000, any::<i64>()];
    let report =
        (0usize..2, after.clone(), ntp, any::<u32>()).prop_map(|(index, after_us, ntp_us, timestamp)| Step::Report {
            index,
            after_us,
            ntp_us,
            timestamp,
        });
    prop_oneof![30 => packet, 2 => report, 1 => after.prop_map(|after_us| Step::Tick { after_us })]
}

proptest! {
    #[test]
    fn whatever_comes_time_goes_forward(steps in proptest::collection::vec(step(), 1..400), depth in 0u8..4) {
        let mut stream = StreamCapture::new(vec![audio_track(0), video_track(depth, 0)], UserClock::default().join("camera"));
        let mut events = Vec::new();
        let (mut now_us, mut sequence, mut timestamp) = (0i64, [0u16; 2], [0u32; 2]);
        for step in steps {
            match step {
                Step::Packet { index, after_us, sequence: by, ticks, keyframe } => {
                    now_us += after_us;
                    sequence[index] = sequence[index].wrapping_add(by as u16);
                    timestamp[index] = timestamp[index].wrapping_add(ticks as u32);
                    let payload = [&[u8::from(keyframe || index == 0)][..], &now_us.to_be_bytes()].concat().into();
                    let (sequence, timestamp) = (sequence[index], timestamp[index]);
                    let packet = Packet { arrival_us: now_us, sequence, timestamp, marker: true, payload };
                    stream.packet(index, &packet, &mut events);
                }
                Step::Report { index, after_us, ntp_us, timestamp: by } => {
                    now_us += after_us;
                    let timestamp = timestamp[index].wrapping_add(by % 200_000);
                    stream.report(index, SenderReport { ntp_us, timestamp }, now_us, &mut events);
                }
                Step::Tick { after_us } => {
                    now_us += after_us;
                    stream.tick(now_us, &mut events);
                }
            }
        }
        stream.finish(&mut events);
        assert_in_order(&events);
        assert_no_leap(&events);
    }

    #[test]
    fn any_honest_sender_is_aligned_in_the_end(
        video_delay_us in 0i64..1_500_000,
        audio_delay_us in 0i64..300_000,
        audio_from_us in 1_000_000i64..2_000_000,
        first_reports in (proptest::option::of(0i64..5_000_000), 0i64..5_000_000),
        ntp_error_us in -1_000_000_000_000i64..1_000_000_000_000,
        timestamps in any::<(u32, u32)>(),
        b_frames in 0u32..4,
    ) {
        let (Some(video_report), audio_report) = first_reports else { return Ok(()) };
        let video = Sender {
            delay_us: video_delay_us,
            first_report_us: Some(video_report),
            ntp_error_us,
            first_timestamp: timestamps.0,
            b_frames,
            ..Sender::video()
        };
        let audio = Sender {
            delay_us: audio_delay_us,
            from_us: audio_from_us,
            first_report_us: Some(audio_report),
            ntp_error_us,
            first_timestamp: timestamps.1,
            ..Sender::audio()
        };
        let sent = interleave([video.send(20 * SECOND, jitter(10_000)), audio.send(20 * SECOND, jitter(10_000))]);
        let events = capture(&sent, 1);
        assert_in_order(&events);
        prop_assert!(apart_us(&events, 16 * SECOND) <= 2_100, "{}", apart_us(&events, 16 * SECOND));
        prop_assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
    }
}
