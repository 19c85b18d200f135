use proptest::prelude::*;

use super::packets::{packet_of as packet, push_all, timestamps};
use crate::stream::depacketize::{Depacketizer, Fmtp, Packet, PayloadFormat, depacketizer};
use crate::stream::{Format, Quarters, Vp9Format};

/// Frames of 320x180, profile 0.
const KEY: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0, 0x13, 0xf0, 0x0b, 0x30, 7, 7, 7];
const INTER: &[u8] = &[0x86, 1, 2, 3, 4];
/// Begin and end of a frame.
const B: u8 = 0x08;
const E: u8 = 0x04;

fn vp9() -> Box<dyn Depacketizer> {
    depacketizer(&PayloadFormat::parse("VP9/90000", Fmtp::parse("")).unwrap()).unwrap()
}

#[test]
fn frames_are_put_together_behind_descriptors_of_each_form() {
    // Picture ids; layers with and without the index of their base; references; a scalability structure with sizes and pictures.
    let descriptors: [&[u8]; 6] = [
        &[B],
        &[0x80 | B, 0x11],
        &[0xa0 | B, 0x91, 0x11, 0, 7],
        &[0xf0 | B, 0x80, 1, 0, 3, 2],
        &[0x90 | B, 0x80, 1],
        &[0x02 | B, 0x18, 1, 0x40, 0, 180, 2, 0x04, 1, 0x00],
    ];
    for descriptor in descriptors {
        let packets = [
            packet(0, false, &[descriptor, &KEY[..5]]),
            packet(0, true, &[&[E], &KEY[5..]]),
            packet(3_000, true, &[&[B | E], INTER]),
            packet(6_000, true, &[&[B | E], KEY]),
        ];
        let frames = push_all(&mut *vp9(), &packets);
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
        let expected = Vp9Format {
            width: 320,
            height: 180,
            profile: 0,
            bit_depth: 8,
            chroma_halved: (true, true),
            quarters: Quarters::default(),
        };
        assert_eq!(format.format, Format::Vp9(expected));
    }
}

#[test]
fn the_layers_of_a_picture_are_one_superframe_of_the_largest_size() {
    // Two layers: 160x90 and 320x180; the first one's frame is what its header says.
    let structure = [0x02 | B | E, 0x30, 0, 160, 0, 90, 1, 0x40, 0, 180];
    let mut vp9 = vp9();
    let frames = push_all(
        &mut *vp9,
        &[
            packet(0, false, &[&structure, KEY]),
            packet(0, true, &[&[B | E], INTER]),
            packet(3_000, false, &[&[B | E], INTER]),
            packet(3_000, true, &[&[B | E], INTER]),
        ],
    );
    let index = [0xd9, 12, 0, 0, 0, 5, 0, 0, 0, 0xd9];
    assert_eq!(frames[0].data, [KEY, INTER, &index].concat());
    assert_eq!(timestamps(&frames), [0, 3_000]);
    let size = frames[0].format.as_ref().unwrap().format.picture_size();
    assert_eq!(size, Some((320, 180)));
    let many: Vec<Packet> = (0..9).map(|n| packet(6_000, n == 8, &[&[B | E], INTER])).collect();
    let mut frames = Vec::new();
    assert!(many.iter().any(|packet| vp9.push(packet, &mut frames).is_err()));
}

#[test]
fn after_a_loss_nothing_comes_before_a_whole_key_frame() {
    let mut depacketizer = vp9();
    push_all(&mut *depacketizer, &[packet(0, true, &[&[B | E], KEY])]);
    depacketizer.lost();
    let frames = push_all(
        &mut *depacketizer,
        &[
            packet(1, true, &[&[B | E], INTER]),
            packet(2, true, &[&[E], KEY]),
            packet(3, false, &[&[B], &KEY[..6]]),
            // No marker: the next timestamp ends it.
            packet(3, false, &[&[E], &KEY[6..]]),
            packet(4, true, &[&[B | E], INTER]),
        ],
    );
    assert_eq!(timestamps(&frames), [3, 4]);
    let stray = packet(5, true, &[&[E], INTER]);
    assert!(depacketizer.push(&stray, &mut Vec::new()).is_err());
}

#[test]
fn what_is_no_frame_is_an_error() {
    let broken: [&[u8]; 5] = [
        &[0x80 | B],
        &[0x02 | B, 0x18, 1],
        &[0xd0 | B, 1, 1],
        &[B | E, 0x42, 1],
        &[B | E, 0x82, 1, 2, 3],
    ];
    for payload in broken {
        let result = vp9().push(&packet(0, true, &[payload]), &mut Vec::new());
        assert!(result.is_err(), "{payload:x?}");
    }
    let mut vp9 = vp9();
    assert!(vp9.push(&packet(0, true, &[]), &mut Vec::new()).is_ok());
    let part = [0x82; 60_000];
    vp9.push(&packet(0, false, &[&[B], &part]), &mut Vec::new()).unwrap();
    let next = packet(0, false, &[&[0], &part]);
    assert!(
        (0..200).any(|_| vp9.push(&next, &mut Vec::new()).is_err()),
        "without end"
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(
        packets in proptest::collection::vec(
            (0u32..6, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40), any::<bool>(), any::<bool>()),
            1..60,
        ),
    ) {
        let mut depacketizer = vp9();
        let mut frames = Vec::new();
        for (timestamp, marker, payload, lost, key) in packets {
            if lost {
                depacketizer.lost();
            }
            let payload = if key { [&[B], KEY, &payload].concat() } else { payload };
            let _ = depacketizer.push(&packet(timestamp, marker, &[&payload]), &mut frames);
        }
        prop_assert!(frames.first().is_none_or(|frame| frame.keyframe && frame.format.is_some()));
    }
}
