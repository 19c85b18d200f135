//! Senders that do what they like.

use proptest::prelude::*;

use super::rtp::*;
use crate::stream::depacketize::Packet;
use crate::stream::rtp::RtpStream;
use crate::stream::track::SenderReport;
use crate::stream::{Track, UserClock};

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
        let mut stream = RtpStream::new(vec![audio_track(0), video_track(depth, 0)], UserClock::default().join("camera"));
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
        // What glides by a thousandth is followed each five seconds, and glides on in the four in which it is measured.
        prop_assert!(apart_us(&events, 16 * SECOND) <= 11_100, "{}", apart_us(&events, 16 * SECOND));
        prop_assert_eq!((formats(&events, Track::Audio), formats(&events, Track::Video)), (1, 1));
    }
}
