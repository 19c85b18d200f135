use proptest::prelude::*;

use super::packets::{packet, push_all, timestamps};
use crate::stream::Format;
use crate::stream::depacketize::{Depacketizer, Fmtp, PayloadFormat, depacketizer};

/// SVT-AV1: a sequence header for 320x180, without its size.
const SEQUENCE: &[u8] = &[0x08, 0, 0, 0, 4, 0x3c, 0xfe, 0xcc, 0xfb, 0xf9, 0, 0x40];
/// Frames as their headers begin: a key frame that is shown, and one that is predicted.
const KEY: &[u8] = &[0x30, 0x10, 7, 7, 7];
const INTER: &[u8] = &[0x30, 0x30, 5, 5];
/// Temporal delimiter.
const DELIMITER: &[u8] = &[0x12, 0];

fn av1() -> Box<dyn Depacketizer> {
    depacketizer(&PayloadFormat::parse("AV1/90000", Fmtp::parse("profile=0")).unwrap()).unwrap()
}

/// All elements with their sizes.
fn sized(head: u8, elements: &[&[u8]]) -> Vec<u8> {
    let mut payload = vec![head];
    for element in elements {
        payload.push(element.len() as u8);
        payload.extend(*element);
    }
    payload
}

/// Up to three elements, the last one without its size.
fn counted(head: u8, elements: &[&[u8]]) -> Vec<u8> {
    let mut payload = sized(head | (elements.len() as u8) << 4, &elements[..elements.len() - 1]);
    payload.extend(elements[elements.len() - 1]);
    payload
}

/// An OBU as it stands in a file.
fn whole(obu: &[u8]) -> Vec<u8> {
    [&[obu[0] | 2, obu.len() as u8 - 1], &obu[1..]].concat()
}

#[test]
fn temporal_units_are_put_together_of_elements_of_each_form() {
    let unit = [whole(SEQUENCE), whole(KEY)].concat();
    let as_in_a_file = [DELIMITER, &whole(SEQUENCE), &whole(KEY)].concat();
    let beginnings = [
        vec![packet(0, true, &sized(0x08, &[SEQUENCE, KEY]))],
        vec![packet(0, true, &counted(0x08, &[DELIMITER, SEQUENCE, KEY]))],
        // With sizes of their own.
        vec![packet(0, true, &counted(0x08, &[&whole(SEQUENCE), &whole(KEY)]))],
        vec![
            packet(0, false, &counted(0x08, &[SEQUENCE])),
            packet(0, true, &counted(0, &[KEY])),
        ],
        vec![
            packet(0, false, &counted(0x48, &[SEQUENCE, &KEY[..2]])),
            packet(0, false, &counted(0xc0, &[&KEY[2..3]])),
            packet(0, true, &sized(0x80, &[&KEY[3..]])),
        ],
    ];
    for beginning in beginnings {
        let mut depacketizer = av1();
        let mut frames = push_all(&mut *depacketizer, &beginning);
        frames.extend(push_all(
            &mut *depacketizer,
            &[
                packet(3_000, true, &counted(0, &[INTER])),
                packet(6_000, true, &counted(0, &[KEY])),
            ],
        ));
        let data: Vec<Vec<u8>> = frames.iter().map(|frame| frame.data.to_vec()).collect();
        assert_eq!(data, [unit.clone(), whole(INTER), unit.clone()], "{beginning:?}");
        assert_eq!(
            frames.iter().map(|f| f.keyframe).collect::<Vec<_>>(),
            [true, false, true]
        );
        let formats: Vec<_> = frames.iter().filter_map(|frame| frame.format.as_ref()).collect();
        let [format] = formats.as_slice() else {
            panic!("{formats:?}")
        };
        let Format::Av1(av1) = &format.format else {
            panic!("{format:?}")
        };
        assert_eq!(
            (av1.width, av1.height, &av1.sequence_header[..]),
            (320, 180, &whole(SEQUENCE)[..])
        );
    }
    assert!(push_all(&mut *av1(), &[packet(0, true, &sized(0, &[&as_in_a_file[..2]]))]).is_empty());
}

#[test]
fn after_a_loss_nothing_comes_before_a_whole_key_frame() {
    let mut depacketizer = av1();
    push_all(&mut *depacketizer, &[packet(0, true, &counted(0x08, &[SEQUENCE, KEY]))]);
    depacketizer.lost();
    let frames = push_all(
        &mut *depacketizer,
        &[
            packet(1, true, &counted(0, &[INTER])),
            // The rest of a key frame, and another OBU behind it.
            packet(2, false, &counted(0x80, &[&KEY[2..]])),
            packet(2, true, &counted(0, &[INTER])),
            packet(3, false, &counted(0x40, &[&KEY[..2]])),
            packet(3, false, &counted(0x80, &[&KEY[2..]])),
            // No marker: the next timestamp ends it.
            packet(4, true, &counted(0, &[INTER])),
        ],
    );
    assert_eq!(timestamps(&frames), [3, 4]);
    assert!(
        frames[0].data.starts_with(&whole(SEQUENCE)),
        "which came before the loss"
    );
}

#[test]
fn what_is_no_payload_is_an_error() {
    let broken = [
        sized(0x80, &[&KEY[2..]]),
        vec![0, 9, 1],
        vec![0, 0x80],
        vec![0x10, 0xb0, 1],
        vec![0x10, 0x32, 9, 1],
        vec![0x10, 0x08, 0],
    ];
    for payload in broken {
        let mut av1 = av1();
        push_all(&mut *av1, &[packet(0, true, &counted(0x08, &[SEQUENCE, KEY]))]);
        let result = av1.push(&packet(9, true, &payload), &mut Vec::new());
        assert!(result.is_err(), "{payload:x?}");
    }
    let mut av1 = av1();
    push_all(
        &mut *av1,
        &[packet(0, true, &counted(0x08, &[SEQUENCE, KEY])), packet(1, true, &[])],
    );
    let begun = packet(2, false, &counted(0x40, &[KEY]));
    av1.push(&begun, &mut Vec::new()).unwrap();
    assert!(
        av1.push(&packet(2, true, &counted(0, &[KEY])), &mut Vec::new())
            .is_err(),
        "it does not continue"
    );
    av1.lost();
    let part = [&[0x30][..], &[1; 60_000]].concat();
    av1.push(&packet(3, false, &counted(0x40, &[&part])), &mut Vec::new())
        .unwrap();
    let next = packet(3, false, &counted(0xc0, &[&part]));
    assert!(
        (0..200).any(|_| av1.push(&next, &mut Vec::new()).is_err()),
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
        let mut depacketizer = av1();
        let mut frames = Vec::new();
        for (timestamp, marker, payload, lost, key) in packets {
            if lost {
                depacketizer.lost();
            }
            let payload = if key { counted(0, &[SEQUENCE, KEY, &payload]) } else { payload };
            let _ = depacketizer.push(&packet(timestamp, marker, &payload), &mut frames);
        }
        prop_assert!(frames.first().is_none_or(|frame| frame.keyframe && frame.format.is_some()));
    }

    #[test]
    fn any_sequence_header_is_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut frames = Vec::new();
        let header = [&[0x08][..], &payload].concat();
        let _ = av1().push(&packet(0, true, &counted(0x08, &[&header, KEY])), &mut frames);
        let mut sizes = frames.iter().filter_map(|frame| frame.format.as_ref()?.format.picture_size());
        prop_assert!(sizes.all(|(width, height)| width > 0 && height > 0));
    }
}
