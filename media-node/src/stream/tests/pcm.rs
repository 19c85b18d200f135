use bytes::Bytes;
use proptest::prelude::*;

use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, Packet, PayloadFormat, depacketizer};
use crate::stream::{Format, PcmCoding, PcmFormat};

fn pcm(rtpmap: &str) -> Result<Box<dyn Depacketizer>, String> {
    depacketizer(&PayloadFormat::parse(rtpmap, Fmtp::default()).unwrap())
}

fn packet(timestamp: u32, bytes: usize) -> Packet {
    Packet {
        arrival_us: 7,
        sequence: 0,
        timestamp,
        marker: false,
        payload: Bytes::from(vec![0x55; bytes]),
    }
}

fn take(rtpmap: &str, bytes: &[usize]) -> Vec<Frame> {
    let (mut pcm, mut frames) = (pcm(rtpmap).unwrap(), Vec::new());
    for (number, bytes) in (0..).zip(bytes) {
        pcm.push(&packet(number * 160, *bytes), &mut frames).unwrap();
    }
    frames
}

#[test]
fn each_packet_is_a_unit_that_lasts_as_long_as_its_samples() {
    let of = |coding, sample_rate, channels| PcmFormat {
        coding,
        sample_rate,
        channels,
    };
    for (rtpmap, bytes, expected) in [
        ("PCMU/8000", 160, of(PcmCoding::MuLaw, 8_000, 1)),
        ("PCMU/16000/2", 640, of(PcmCoding::MuLaw, 16_000, 2)),
        ("pcma/8000/1", 160, of(PcmCoding::ALaw, 8_000, 1)),
        ("G722/8000", 160, of(PcmCoding::G722, 16_000, 1)),
        ("L16/44100/2", 3_528, of(PcmCoding::L16, 44_100, 2)),
        ("L16/48000", 1_920, of(PcmCoding::L16, 48_000, 1)),
        ("l16/192000/2", 15_360, of(PcmCoding::L16, 192_000, 2)),
    ] {
        let frames = take(rtpmap, &[bytes, 0, bytes]);
        assert_eq!(frames.len(), 2, "{rtpmap}");
        assert_eq!((frames[1].timestamp, frames[1].data.len()), (320, bytes));
        assert!(frames.iter().all(|frame| frame.keyframe) && frames[1].format.is_none());
        let format = frames[0].format.clone().unwrap();
        assert_eq!(format.format, Format::Pcm(expected), "{rtpmap}");
        assert_eq!(format.frame_us, 20_000, "{rtpmap}");
    }
}

#[test]
fn what_cannot_be_recorded_is_refused_with_a_reason() {
    for (rtpmap, why) in [
        ("G722/16000", "clock rate"),
        ("G722/8000/2", "more than one channel"),
        ("L16/48000/6", "more than two channels"),
        ("PCMU/8000/0", "more than two channels"),
        ("L16/0/1", "sample rate"),
        ("L16/4000000/1", "sample rate"),
    ] {
        let refused = pcm(rtpmap).err().unwrap();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn a_packet_without_a_whole_sample_is_told_and_the_next_one_is_taken() {
    let (mut l16, mut frames) = (pcm("L16/48000/2").unwrap(), Vec::new());
    l16.push(&packet(0, 3), &mut frames).unwrap_err();
    assert_eq!(frames, []);
    l16.push(&packet(0, 4), &mut frames).unwrap();
    assert_eq!(frames.len(), 1);
}

proptest! {
    #[test]
    fn no_payload_panics(
        encoding in prop_oneof![Just("pcmu"), Just("pcma"), Just("g722"), Just("l16")],
        rate in any::<u32>(),
        channels in any::<u16>(),
        sizes in proptest::collection::vec(0usize..2_000, 1..6),
    ) {
        let Ok(mut pcm) = pcm(&format!("{encoding}/{rate}/{channels}")) else { return Ok(()) };
        let mut frames = Vec::new();
        for bytes in sizes {
            let _ = pcm.push(&packet(0, bytes), &mut frames);
        }
    }
}
