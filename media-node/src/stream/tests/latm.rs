use proptest::prelude::*;

use super::packets::packet;
use crate::stream::Format;
use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, Packet, PayloadFormat, depacketizer};

/// As GStreamer writes it: AAC LC, 48 kHz, stereo, with a synchronization extension and padding behind it.
const CONFIG: &str = "40002320adca00";

fn latm(fmtp: &str) -> Result<Box<dyn Depacketizer>, String> {
    depacketizer(&PayloadFormat::parse("MP4A-LATM/48000/2", Fmtp::parse(fmtp)).unwrap())
}

fn plain() -> Box<dyn Depacketizer> {
    latm(&format!("cpresent=0;config={CONFIG}")).unwrap()
}

fn frames(latm: &mut dyn Depacketizer, packets: &[Packet]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for packet in packets {
        latm.push(packet, &mut frames).unwrap();
    }
    frames
}

#[test]
fn the_configuration_is_cut_out_of_its_wrapping() {
    let frames = frames(&mut *plain(), &[packet(0, true, &[2, 8, 9])]);
    let Format::Aac(format) = &frames[0].format.as_ref().unwrap().format else {
        panic!()
    };
    assert_eq!(format.config, &[0x11, 0x90][..]);
    assert_eq!(
        (format.sample_rate, format.channels, format.frame_length),
        (48_000, 2, 1024)
    );
    assert_eq!(frames[0].data, &[8, 9][..]);
}

#[test]
fn lengths_are_sums_of_bytes() {
    let long = [&[255, 255, 0][..], &[7; 510], &[1, 5]].concat();
    let frames = frames(&mut *plain(), &[packet(9, true, &long)]);
    assert_eq!(frames.iter().map(|f| f.data.len()).collect::<Vec<_>>(), [510, 1]);
    assert_eq!(frames.iter().map(|f| f.timestamp).collect::<Vec<_>>(), [9, 1033]);
}

#[test]
fn fragments_end_with_the_marker() {
    let mut latm = plain();
    let packets = [
        packet(9, false, &[4, 1, 2]),
        packet(9, false, &[3]),
        packet(9, true, &[4]),
        packet(10, true, &[1, 6]),
    ];
    let got = frames(&mut *latm, &packets);
    assert_eq!(
        got.iter().map(|f| &f.data[..]).collect::<Vec<_>>(),
        [&[1, 2, 3, 4][..], &[6]]
    );
    // What a loss left unfinished is dropped.
    let got = frames(&mut *latm, &[packet(20, false, &[4, 1]), packet(21, true, &[1, 6])]);
    assert_eq!(got.iter().map(|f| f.timestamp).collect::<Vec<_>>(), [21]);
}

#[test]
fn what_cannot_be_recorded_is_refused_with_a_reason() {
    for fmtp in [
        &format!("config={CONFIG}"),
        &format!("cpresent=1;config={CONFIG}"),
        "cpresent=0",
        "cpresent=0;config=40",
        "cpresent=0;config=c0002320adca00",
        "cpresent=0;config=4000f320adca00",
    ] {
        let refused = latm(fmtp).err().unwrap();
        assert!(refused.starts_with("mp4a-latm ("), "{refused}");
    }
}

#[test]
fn broken_packets_are_errors() {
    for payload in [&[255, 255][..], &[3, 1], &[0], &[1]] {
        assert!(
            plain().push(&packet(0, true, payload), &mut Vec::new()).is_err(),
            "{payload:?}"
        );
    }
    let mut latm = plain();
    assert!((0..10_000).any(|_| latm.push(&packet(0, false, &[255; 1000]), &mut Vec::new()).is_err()));
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(packets in proptest::collection::vec(
        (0u32..3, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)), 1..40,
    )) {
        let mut latm = plain();
        let mut frames = Vec::new();
        for (timestamp, marker, payload) in packets {
            let _ = latm.push(&packet(timestamp, marker, &payload), &mut frames);
        }
        prop_assert!(frames.iter().all(|frame| !frame.data.is_empty()));
    }

    #[test]
    fn any_configuration_is_read_or_refused(config in "[0-9a-f]{0,24}") {
        let _ = latm(&format!("cpresent=0;config={config}"));
    }
}
