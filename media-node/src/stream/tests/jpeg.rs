use proptest::prelude::*;

use super::packets::{packet_of as packet, push_all};
use crate::stream::Format;
use crate::stream::depacketize::{Depacketizer, Fmtp, PayloadFormat, depacketizer, jpeg_picture_size};

/// 320x176, quality 50, colour halved across and down.
const HEAD: [u8; 8] = [0, 0, 0, 0, 1, 50, 40, 22];

fn jpeg() -> Box<dyn Depacketizer> {
    depacketizer(&PayloadFormat::parse("jpeg/90000", Fmtp::parse("")).unwrap()).unwrap()
}

/// The head of a part of a scan that begins at this byte.
fn head(offset: u8) -> [u8; 8] {
    let mut head = HEAD;
    head[3] = offset;
    head
}

/// Where a marker of a picture's headers stands.
fn marker(data: &[u8], marker: u8) -> Option<usize> {
    data.windows(2).position(|window| window == [0xff, marker])
}

#[test]
fn a_picture_has_its_headers_its_parts_and_its_end() {
    let mut jpeg = jpeg();
    let frames = push_all(
        &mut *jpeg,
        &[
            packet(0, false, &[&head(0), &[1, 2, 3]]),
            packet(0, true, &[&head(3), &[4, 5]]),
            packet(3_000, true, &[&head(0), &[6, 0xff, 0xd9]]),
        ],
    );
    assert_eq!(
        frames.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(),
        [0, 3_000]
    );
    assert!(
        frames
            .iter()
            .all(|frame| frame.keyframe && frame.data.starts_with(&[0xff, 0xd8]))
    );
    assert!(frames[0].data.ends_with(&[0, 63, 0, 1, 2, 3, 4, 5, 0xff, 0xd9]));
    assert!(frames[1].data.ends_with(&[0, 63, 0, 6, 0xff, 0xd9]));
    assert_eq!(jpeg_picture_size(&frames[0].data), Some((320, 176)));
    let formats: Vec<_> = frames.iter().filter_map(|frame| frame.format.as_ref()).collect();
    assert_eq!(formats.len(), 1);
    assert!(matches!(&formats[0].format, Format::Jpeg(jpeg) if (jpeg.width, jpeg.height) == (320, 176)));
    // Quality 50 has the tables as they stand in the standard.
    let tables = marker(&frames[0].data, 0xdb).unwrap();
    assert_eq!(frames[0].data[tables + 5..][..6], [16, 11, 12, 14, 12, 10]);
    assert!(marker(&frames[0].data, 0xdd).is_none());
}

#[test]
fn tables_that_are_sent_are_used_until_others_are() {
    let sent = |first: u8| -> Vec<u8> { (0..128).map(|n| first ^ n | 1).collect() };
    let with_tables = |tables: &[u8]| [&[0, 0, 0, tables.len() as u8][..], tables].concat();
    let of_quality = |quality: u8| {
        let mut head = HEAD;
        head[5] = quality;
        head
    };
    let (one, other, lone) = (sent(3), sent(70), vec![9; 64]);
    let frames = push_all(
        &mut *jpeg(),
        &[
            packet(0, true, &[&of_quality(255), &with_tables(&one), &[7]]),
            packet(1, true, &[&of_quality(128), &with_tables(&other), &[7]]),
            packet(2, true, &[&of_quality(255), &with_tables(&[]), &[7]]),
            packet(3, true, &[&of_quality(128), &with_tables(&lone), &[7]]),
        ],
    );
    let tables: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| {
            let at = marker(&frame.data, 0xdb).unwrap();
            [&frame.data[at + 5..][..64], &frame.data[at + 74..][..64]].concat()
        })
        .collect();
    assert_eq!(tables, [one.clone(), other, one, vec![9; 128]]);
    let missing = packet(0, true, &[&of_quality(200), &with_tables(&[]), &[7]]);
    assert!(jpeg().push(&missing, &mut Vec::new()).is_err());
}

#[test]
fn restart_markers_are_told() {
    let mut head = HEAD;
    head[4] = 65;
    let frames = push_all(&mut *jpeg(), &[packet(0, true, &[&head, &[0, 20, 0xff, 0xff], &[7]])]);
    let at = marker(&frames[0].data, 0xdd).unwrap();
    assert_eq!(frames[0].data[at..][..6], [0xff, 0xdd, 0, 4, 0, 20]);
}

#[test]
fn a_picture_that_lacks_a_part_is_left_out() {
    let mut depacketizer = jpeg();
    let frames = push_all(
        &mut *depacketizer,
        &[
            // The end of a picture that the recorder joins in its middle.
            packet(0, true, &[&head(9), &[1]]),
            packet(1, false, &[&head(0), &[1, 2]]),
            // Its end is missing.
            packet(2, true, &[&head(0), &[3]]),
        ],
    );
    assert_eq!(frames.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(), [2]);
    push_all(&mut *depacketizer, &[packet(3, false, &[&head(0), &[1, 2]])]);
    let behind_a_hole = packet(3, true, &[&head(3), &[4]]);
    let mut frames = Vec::new();
    assert!(depacketizer.push(&behind_a_hole, &mut frames).is_err());
    push_all(&mut *depacketizer, &[packet(4, false, &[&head(0), &[1, 2]])]);
    depacketizer.lost();
    depacketizer
        .push(&packet(4, true, &[&head(2), &[4]]), &mut frames)
        .unwrap();
    assert_eq!(frames, []);
}

#[test]
fn what_is_no_picture_is_an_error() {
    let with = |at: usize, value: u8| {
        let mut head = HEAD;
        head[at] = value;
        [&head[..], &[1]].concat()
    };
    let broken = [
        with(4, 2),
        with(5, 0),
        with(5, 100),
        with(5, 255),
        with(6, 0),
        with(7, 0),
        vec![0; 7],
        with(4, 64),
    ];
    for payload in broken {
        let result = jpeg().push(&packet(0, true, &[&payload]), &mut Vec::new());
        assert!(result.is_err(), "{payload:?}");
    }
    let mut jpeg = jpeg();
    let part = [1; 60_000];
    let mut offset = 0u32;
    assert!((0..200).any(|_| {
        let mut head = HEAD;
        head[1..4].copy_from_slice(&offset.to_be_bytes()[1..]);
        offset += part.len() as u32;
        jpeg.push(&packet(0, false, &[&head, &part]), &mut Vec::new()).is_err()
    }));
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(
        packets in proptest::collection::vec(
            (0u32..6, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40), any::<bool>(), any::<bool>()),
            1..60,
        ),
    ) {
        let mut depacketizer = jpeg();
        let mut frames = Vec::new();
        for (timestamp, marker, payload, lost, begins) in packets {
            if lost {
                depacketizer.lost();
            }
            let head: &[u8] = if begins { &HEAD } else { &[] };
            let _ = depacketizer.push(&packet(timestamp, marker, &[head, &payload]), &mut frames);
        }
        prop_assert!(frames.first().is_none_or(|frame| frame.keyframe && frame.format.is_some()));
    }
}
