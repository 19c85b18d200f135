use bytes::Bytes;
use proptest::prelude::*;

use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, Packet, PayloadFormat, depacketizer};
use crate::stream::{Format, OpusFormat};

/// CELT, 20 ms, one frame: mono and stereo.
const MONO: u8 = 0xf8;
const STEREO: u8 = 0xfc;

fn opus(rtpmap: &str, fmtp: &str) -> Result<Box<dyn Depacketizer>, String> {
    depacketizer(&PayloadFormat::parse(rtpmap, Fmtp::parse(fmtp)).unwrap())
}

fn packet(timestamp: u32, payload: &[u8]) -> Packet {
    Packet {
        arrival_us: i64::from(timestamp) + 7,
        sequence: 0,
        timestamp,
        marker: false,
        payload: Bytes::copy_from_slice(payload),
    }
}

fn take(opus: &mut dyn Depacketizer, payloads: &[&[u8]]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (number, payload) in (0..).zip(payloads) {
        opus.push(&packet(number * 960, payload), &mut frames).unwrap();
    }
    frames
}

fn channels(frames: &[Frame]) -> Vec<Option<u16>> {
    let format = |frame: &Frame| match &frame.format.as_ref()?.format {
        Format::Opus(OpusFormat { channels }) => Some(*channels),
        other => panic!("{other:?}"),
    };
    frames.iter().map(format).collect()
}

#[test]
fn each_packet_is_a_unit() {
    let frames = take(
        &mut *opus("opus/48000/2", "sprop-stereo=1").unwrap(),
        &[&[STEREO, 1, 2], &[MONO, 3], &[]],
    );
    assert_eq!(frames.len(), 2);
    assert_eq!((frames[1].timestamp, frames[1].arrival_us), (960, 967));
    assert_eq!(frames[1].data[..], [MONO, 3]);
    assert!(frames.iter().all(|frame| frame.keyframe));
    assert_eq!(frames[0].format.as_ref().unwrap().frame_us, 20_000);
    assert_eq!(channels(&frames), [Some(2), None], "stereo stays stereo");
}

#[test]
fn a_sender_that_says_nothing_is_mono_until_it_codes_in_stereo() {
    let mut opus = opus("OPUS/48000/2", "minptime=10").unwrap();
    let frames = take(&mut *opus, &[&[MONO, 1], &[STEREO, 1], &[MONO, 1]]);
    assert_eq!(channels(&frames), [Some(1), Some(2), None]);
}

#[test]
fn malformed_packets_are_told_and_the_next_one_is_taken() {
    let mut opus = opus("opus/48000/2", "").unwrap();
    let mut frames = Vec::new();
    // Code 3 without a frame, and 48 frames of 60 ms.
    for payload in [&[0x03, 0x00][..], &[0x1b, 0x30, 1]] {
        opus.push(&packet(0, payload), &mut frames).unwrap_err();
    }
    assert_eq!(frames, []);
    opus.push(&packet(960, &[MONO, 1]), &mut frames).unwrap();
    assert_eq!(channels(&frames), [Some(1)]);
}

#[test]
fn another_clock_is_refused() {
    let refused = opus("opus/16000/1", "").err().unwrap();
    assert!(refused.contains("48000"), "{refused}");
}

proptest! {
    #[test]
    fn no_payload_panics(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 1..6)) {
        let mut opus = opus("opus/48000/2", "").unwrap();
        let mut frames = Vec::new();
        for payload in payloads {
            let _ = opus.push(&packet(0, &payload), &mut frames);
        }
    }
}
