//! What begins a new piece of a stream, and what goes on with the present one.

use super::rtp::*;
use crate::stream::rtp::RtpStream;
use crate::stream::{Locked, StreamEvent, Track, UserClock};

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
fn a_clock_that_is_set_anew_amid_pictures_that_need_one_another_is_told() {
    let mut video = Sender::video().send(20 * SECOND, none);
    for sent in &mut video {
        if let What::Packet(packet) = &mut sent.what
            && sent.arrival_us > 10_500_000
        {
            packet.timestamp = packet.timestamp.wrapping_add(90_000 * 3600);
        }
    }
    let events = capture(&interleave([Sender::audio().send(20 * SECOND, none), video]), 0);
    assert_in_order(&events);
    let told = events
        .iter()
        .filter(|event| **event == StreamEvent::Skipped(Track::Video));
    assert_eq!(told.count(), 1);
    let last = units(&events, Track::Video).last().unwrap().pts_us;
    assert!((last - 20 * SECOND).abs() < 150_000, "{last}");
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
    let (audio, video) = (Sender::audio(), Sender::video());
    let first = capture_as(
        &user,
        "camera",
        &interleave([audio.send(60 * SECOND, none), video.send(60 * SECOND, none)]),
        2,
    );
    let end = |track| units(&first, track).last().unwrap().pts_us;
    assert!(end(Track::Audio) > 59_900_000);
    let back = |sender: Sender| {
        Sender {
            from_us: 59 * SECOND,
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
    let first_error = |track| error_us(units(&second, track)[0]);
    assert!((first_error(Track::Audio) - first_error(Track::Video)).abs() <= 30);
    let other = capture_as(
        &user,
        "screen",
        &interleave([back(Sender::audio()), back(Sender::video())]),
        2,
    );
    assert!(units(&other, Track::Audio)[0].pts_us < 59_100_000);
}

#[test]
fn streams_of_one_user_keep_together() {
    let user = UserClock::default();
    let mut camera = RtpStream::new(vec![audio_track(0), video_track(0, 0)], user.join("camera"));
    let mut screen = RtpStream::new(vec![video_track(0, 0)], user.join("screen"));
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
    let error = |events: &[StreamEvent]| error_us(units(events, Track::Video).last().unwrap());
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
        .position(|event| *event == StreamEvent::Lost(Track::Video, 3))
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
    let mut stream = RtpStream::new(
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

#[test]
fn a_stray_timestamp_costs_no_frame_and_breaks_nothing() {
    for (stray, leap_us) in [
        (Track::Audio, 20 * SECOND),
        (Track::Video, 20 * SECOND),
        (Track::Video, -SECOND),
    ] {
        let mut all = [Sender::audio(), Sender::video()].map(|sender| sender.send(20 * SECOND, none));
        let rate = if stray == Track::Audio { 48_000 } else { 90_000 };
        let of_track = all[usize::from(stray == Track::Video)].iter_mut();
        let mut packets = of_track.filter_map(|sent| match &mut sent.what {
            What::Packet(packet) => Some(packet),
            What::Report(_) => None,
        });
        for packet in packets.by_ref().skip(90).step_by(100) {
            packet.timestamp = packet.timestamp.wrapping_add((leap_us * rate / SECOND) as u32);
        }
        drop(packets);
        let sent = interleave(all);
        let events = capture(&sent, 0);
        assert_in_order(&events);
        assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
        let sent_of = |index| {
            let packets = sent.iter().filter(|sent| matches!(sent.what, What::Packet(_)));
            packets.filter(|sent| sent.index == index).count()
        };
        assert_eq!(units(&events, Track::Audio).len(), sent_of(0));
        assert_eq!(units(&events, Track::Video).len(), sent_of(1));
        assert!(apart_us(&events, 0) < 45_000, "{}", apart_us(&events, 0));
        assert!(events.contains(&StreamEvent::Restamped(stray)));
    }
}

#[test]
fn video_that_cannot_be_entered_for_ten_seconds_is_told_once() {
    let told_us = |key: Option<usize>| {
        let mut sent = Sender::video().send(40 * SECOND, none);
        let packets = sent.iter_mut().filter_map(|sent| match &mut sent.what {
            What::Packet(packet) => Some(packet),
            What::Report(_) => None,
        });
        for (number, packet) in packets.enumerate() {
            let first = u8::from(Some(number) == key);
            packet.payload = [&[first][..], &packet.payload[1..]].concat().into();
        }
        let user = UserClock::default();
        let mut stream = RtpStream::new(vec![audio_track(0), video_track(0, 0)], user.join("camera"));
        let mut told = Vec::new();
        for sent in sent {
            let mut events = Vec::new();
            feed(&mut stream, std::slice::from_ref(&sent), &mut events);
            if events.contains(&StreamEvent::NoEntry(Track::Video, None)) {
                told.push(sent.arrival_us - 1_030_000);
            }
        }
        told
    };
    assert_eq!(told_us(None), [10 * SECOND]);
    assert_eq!(told_us(Some(500)), [10 * SECOND]);
    assert!(told_us(Some(0)).is_empty());
    assert!(told_us(Some(200)).is_empty());
}

#[test]
fn media_that_is_encrypted_is_told_as_that_alone() {
    let user = UserClock::default();
    let locked = video_track_with(Box::new(Shut::default()), 0, 0);
    let mut stream = RtpStream::new(vec![audio_track(0), locked], user.join("camera"));
    let mut events = Vec::new();
    feed(&mut stream, &Sender::video().send(40 * SECOND, none), &mut events);
    assert_eq!(events, [StreamEvent::Locked(Track::Video, Locked::NoSecret)]);
}
