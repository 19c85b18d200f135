use proptest::prelude::*;

use super::packets::{packet_of as packet, push_all, timestamps};
use crate::stream::depacketize::{Depacketizer, Fmtp, Packet, PayloadFormat, depacketizer};
use crate::stream::testing::Clear;
use crate::stream::{Format, Quarters, RtpStream, RtpTrack, StreamEvent, Track, UserClock, Vp8Format};

/// Frames of 320x180, the size with a wish to be scaled.
const KEY: &[u8] = &[0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 0x41, 0xb4, 0x80, 7, 7];
const INTER: &[u8] = &[0x11, 1, 0, 5, 5, 5];
/// What stands in front of a frame's first part and of the others.
const FIRST: &[u8] = &[0x10];
const NEXT: &[u8] = &[0];

fn vp8() -> Box<dyn Depacketizer> {
    depacketizer(&PayloadFormat::parse("VP8/90000", Fmtp::parse("")).unwrap()).unwrap()
}

#[test]
fn frames_are_put_together_behind_descriptors_of_each_form() {
    let descriptors: [&[u8]; 6] = [
        &[0x10],
        &[0x90, 0x80, 0x11],
        &[0x90, 0x80, 0x91, 0x11],
        &[0x90, 0xc0, 0x80, 1, 9],
        &[0x90, 0xf0, 0x80, 1, 9, 0x40],
        &[0x90, 0x20, 0x40],
    ];
    for descriptor in descriptors {
        let packets = [
            packet(0, false, &[descriptor, &KEY[..6]]),
            packet(0, true, &[NEXT, &KEY[6..]]),
            packet(3_000, true, &[FIRST, INTER]),
            packet(6_000, true, &[FIRST, KEY]),
        ];
        let frames = push_all(&mut *vp8(), &packets);
        let data: Vec<&[u8]> = frames.iter().map(|frame| &frame.data[..]).collect();
        assert_eq!(data, [KEY, INTER, KEY], "{descriptor:x?}");
        assert_eq!(
            frames.iter().map(|f| f.keyframe).collect::<Vec<_>>(),
            [true, false, true]
        );
        let formats: Vec<_> = frames.iter().filter_map(|frame| frame.format.as_ref()).collect();
        let [format] = formats.as_slice() else {
            panic!("{formats:?}")
        };
        let size = Vp8Format {
            width: 320,
            height: 180,
            quarters: Quarters::default(),
        };
        assert_eq!(format.format, Format::Vp8(size));
    }
}

#[test]
fn frames_end_where_another_one_begins_whatever_the_marker_says() {
    let mut depacketizer = vp8();
    let mut frames = push_all(
        &mut *depacketizer,
        &[
            packet(0, false, &[FIRST, KEY]),
            packet(0, false, &[FIRST, INTER]),
            packet(3_000, false, &[FIRST, INTER]),
            packet(6_000, true, &[]),
            packet(6_000, false, &[FIRST, INTER]),
        ],
    );
    depacketizer.end(&mut frames);
    assert_eq!(timestamps(&frames), [0, 0, 3_000], "the last one may go on");
}

#[test]
fn after_a_loss_nothing_comes_before_a_whole_key_frame() {
    let mut depacketizer = vp8();
    push_all(&mut *depacketizer, &[packet(0, true, &[FIRST, KEY])]);
    depacketizer.lost();
    let frames = push_all(
        &mut *depacketizer,
        &[
            packet(1, true, &[FIRST, INTER]),
            packet(2, true, &[NEXT, KEY]),
            packet(3, true, &[FIRST, INTER]),
            packet(4, false, &[FIRST, KEY]),
            packet(4, true, &[NEXT, KEY]),
            packet(5, true, &[FIRST, INTER]),
        ],
    );
    assert_eq!(timestamps(&frames), [4, 5]);
    let stray = packet(6, true, &[NEXT, INTER]);
    assert!(depacketizer.push(&stray, &mut Vec::new()).is_err());
}

#[test]
fn another_size_is_another_format_and_what_is_no_frame_an_error() {
    let mut larger = KEY.to_vec();
    larger[6..10].copy_from_slice(&[0x80, 2, 0x68, 1]);
    let frames = push_all(
        &mut *vp8(),
        &[packet(0, true, &[FIRST, KEY]), packet(1, true, &[FIRST, &larger])],
    );
    let sizes: Vec<_> = frames
        .iter()
        .filter_map(|frame| frame.format.as_ref()?.format.picture_size())
        .collect();
    assert_eq!(sizes, [(320, 180), (640, 360)]);
    let broken: [&[u8]; 4] = [
        &[0x90],
        &[0x90, 0x80, 0x80],
        &[0x10, 0x10, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x10, 0x10],
    ];
    for payload in broken {
        let result = vp8().push(&packet(0, true, &[payload]), &mut Vec::new());
        assert!(result.is_err(), "{payload:x?}");
    }
}

#[test]
fn a_frame_does_not_grow_without_end() {
    let mut vp8 = vp8();
    let mut frames = Vec::new();
    let part = [1; 60_000];
    vp8.push(&packet(0, false, &[FIRST, &part]), &mut frames).unwrap();
    let next = packet(0, false, &[NEXT, &part]);
    assert!((0..200).any(|_| vp8.push(&next, &mut frames).is_err()));
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(
        packets in proptest::collection::vec(
            (0u32..6, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()),
            1..60,
        ),
    ) {
        let mut depacketizer = vp8();
        let mut frames = Vec::new();
        for (timestamp, marker, payload, lost) in packets {
            if lost {
                depacketizer.lost();
            }
            let _ = depacketizer.push(&packet(timestamp, marker, &[&payload]), &mut frames);
        }
        prop_assert!(frames.first().is_none_or(|frame| frame.keyframe && frame.format.is_some()));
    }
}

#[test]
fn a_turn_is_told_with_the_keyframe_that_it_begins_with() {
    let track = RtpTrack::new(Track::Video, 90_000, vp8(), Box::new(Clear), 0);
    let mut stream = RtpStream::new(vec![track], UserClock::default().join("camera"));
    let mut events = Vec::new();
    for (number, (turned, part)) in [
        (None, KEY),
        (None, INTER),
        (Some(1), INTER),
        (Some(1), KEY),
        (Some(0), KEY),
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(quarters) = turned {
            stream.turned(0, Quarters::new(quarters));
        }
        let packet = Packet {
            arrival_us: number as i64 * 40_000,
            sequence: number as u16,
            ..packet(number as u32 * 3_600, true, &[FIRST, part])
        };
        stream.packet(0, &packet, &mut events);
    }
    stream.finish(&mut events);
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::Format(_, format) => Some(format.coding().unwrap().quarters.number()),
            StreamEvent::Unit(..) => Some(9),
            _ => None,
        })
        .collect();
    assert_eq!(told, [0, 9, 9, 9, 1, 9, 0, 9], "9 stands for a unit");
}
