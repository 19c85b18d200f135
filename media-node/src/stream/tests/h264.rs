use proptest::prelude::*;

use super::packets::{annex_b, hex, packet, push_to_end as push_all};
use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, Packet, PayloadFormat, depacketizer};
use crate::stream::{Format, H264Format};

/// x264: High, 1920x1080 cropped from 1088, two frames of reordering, 25 fps.
const SPS: &str = "67640028acd940780227e5c044000003000400000300c83c60c658";
const PPS: &str = "68ebe3cb22c0";
/// x264: Baseline, 640x360.
const SPS_BASELINE: &str = "6742c01ed900a02ff97011000003000100000300328f162e48";
const PPS_BASELINE: &str = "68cb83cb20";
/// Slice NAL units whose headers begin a picture with PPS 0.
const IDR: &[u8] = &[0x65, 0x88, 0x80, 1, 2, 3];
const P: &[u8] = &[0x41, 0x9a, 0x20, 4, 5, 6];
/// A slice of the same picture that begins behind its first macroblock.
const IDR_SECOND_SLICE: &[u8] = &[0x65, 0x44, 0x80, 7];

fn offered(fmtp: &str) -> Result<Box<dyn Depacketizer>, String> {
    depacketizer(&PayloadFormat::parse("H264/90000", Fmtp::parse(fmtp)).unwrap())
}

fn h264(fmtp: &str) -> Box<dyn Depacketizer> {
    offered(fmtp).unwrap()
}

fn stap_a(nals: &[&[u8]]) -> Vec<u8> {
    let mut payload = vec![0x78];
    for nal in nals {
        payload.extend((nal.len() as u16).to_be_bytes());
        payload.extend(*nal);
    }
    payload
}

fn fu_a(nal: &[u8], parts: usize) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = nal[1..].chunks((nal.len() - 1).div_ceil(parts)).collect();
    let last = chunks.len() - 1;
    let fragment = |(at, chunk): (usize, &&[u8])| {
        let start = if at == 0 { 0x80 } else { 0 };
        let end = if at == last { 0x40 } else { 0 };
        [&[nal[0] & 0xe0 | 28, nal[0] & 0x1f | start | end][..], chunk].concat()
    };
    chunks.iter().enumerate().map(fragment).collect()
}

fn format(frame: &Frame) -> &H264Format {
    match &frame.format.as_ref().unwrap().format {
        Format::H264(format) => format,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parameter_sets_stand_before_each_idr_picture() {
    let (sps, pps) = (hex(SPS), hex(PPS));
    let frames = push_all(
        &mut *h264("packetization-mode=1"),
        &[
            packet(0, false, &stap_a(&[&[9, 0x10], &sps, &pps])),
            packet(0, false, &[6, 5, 1, 0xff, 0x80]),
            packet(0, true, IDR),
            packet(3600, true, P),
            packet(7200, true, IDR),
        ],
    );
    let data: Vec<&[u8]> = frames.iter().map(|frame| &frame.data[..]).collect();
    assert_eq!(data[0], annex_b(&[&sps, &pps, &[6, 5, 1, 0xff, 0x80], IDR]));
    assert_eq!(data[1], annex_b(&[P]));
    assert_eq!(data[2], annex_b(&[&sps, &pps, IDR]));
    assert_eq!(
        frames.iter().map(|f| f.keyframe).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(
        frames.iter().map(|f| f.format.is_some()).collect::<Vec<_>>(),
        [true, false, false]
    );
    let format = format(&frames[0]);
    assert_eq!((format.width, format.height, format.reorder_depth), (1920, 1080, 2));
    assert_eq!((&format.sps[..], &format.pps[..]), (&sps[..], &pps[..]));
    assert_eq!(frames[0].format.as_ref().unwrap().frame_us, 40_000);
}

#[test]
fn parameter_sets_come_from_the_session_description_too() {
    for (sets, expected) in [
        ("Z01AH5WgLASabAQ=,aO48gA==", (704, 576, 0)),
        // A camera that leaves the next start code at the end.
        ("Z00AHpWoLQ9puAgICBAAAAAB,aO48gAAAAAE=", (720, 480, 0)),
        ("Z0IAKZY1QPAET8s3AQEBQAAAAwBAAAAHoQ==,aM4xsg==", (1920, 1080, 0)),
        ("Z2QADazZQUGfnwEQAAADABAAAAMDwPFCmWA=,aOvjyyLA", (320, 180, 2)),
        // No word on reordering: at most the one reference frame.
        ("Z2QAM6zoAoALWQ==,aO48MA==", (2560, 1440, 1)),
    ] {
        let mut h264 = h264(&format!("packetization-mode=1;sprop-parameter-sets={sets}"));
        let frames = push_all(&mut *h264, &[packet(0, true, IDR)]);
        let format = format(&frames[0]);
        assert_eq!((format.width, format.height, format.reorder_depth), expected, "{sets}");
        assert!(frames[0].data.ends_with(&[&[0x80, 0, 0, 0, 1], IDR].concat()) || frames[0].data.ends_with(IDR));
        assert!(!format.sps.ends_with(&[1]) && !format.pps.ends_with(&[1]));
    }
}

#[test]
fn fragments_are_put_together() {
    let (sps, pps) = (hex(SPS), hex(PPS));
    let idr: Vec<u8> = IDR.iter().copied().chain((0..5000).map(|n| n as u8 | 1)).collect();
    let mut packets = vec![packet(0, false, &sps), packet(0, false, &pps)];
    packets.extend(fu_a(&idr, 4).iter().map(|fragment| packet(0, false, fragment)));
    // No marker: the next timestamp ends the unit.
    packets.push(packet(3600, true, P));
    let frames = push_all(&mut *h264(""), &packets);
    assert_eq!(&frames[0].data[..], annex_b(&[&sps, &pps, &idr]));
    assert_eq!((frames[0].timestamp, frames[0].arrival_us), (0, 0));
    assert_eq!(frames.len(), 2);
}

#[test]
fn a_new_resolution_is_a_new_format() {
    let first = stap_a(&[&hex(SPS), &hex(PPS)]);
    let second = stap_a(&[&hex(SPS_BASELINE), &hex(PPS_BASELINE)]);
    let frames = push_all(
        &mut *h264(""),
        &[
            packet(0, false, &first),
            packet(0, true, IDR),
            packet(1, false, &first),
            packet(1, true, IDR),
            packet(2, false, &second),
            packet(2, true, IDR),
        ],
    );
    assert_eq!(
        frames.iter().map(|f| f.format.is_some()).collect::<Vec<_>>(),
        [true, false, true]
    );
    let format = format(&frames[2]);
    assert_eq!((format.width, format.height, format.reorder_depth), (640, 360, 0));
}

#[test]
fn a_parameter_set_that_changes_between_keyframes_stays_in_the_stream() {
    let changed = hex("68ebe3cb22c8");
    let frames = push_all(
        &mut *h264(""),
        &[
            packet(0, false, &stap_a(&[&hex(SPS), &hex(PPS)])),
            packet(0, true, IDR),
            packet(1, false, &changed),
            packet(1, true, P),
            packet(2, false, &changed),
            packet(2, true, P),
        ],
    );
    assert_eq!(&frames[1].data[..], annex_b(&[&changed, P]));
    assert_eq!(&frames[2].data[..], annex_b(&[P]));
}

#[test]
fn pictures_of_several_slices_are_one_unit() {
    let frames = push_all(
        &mut *h264(""),
        &[
            packet(0, true, &stap_a(&[&hex(SPS), &hex(PPS)])),
            packet(0, false, IDR),
            packet(0, true, IDR_SECOND_SLICE),
        ],
    );
    assert_eq!(frames.len(), 1);
    assert!(frames[0].data.ends_with(&annex_b(&[IDR, IDR_SECOND_SLICE])));
}

#[test]
fn a_marker_on_each_slice_costs_no_picture() {
    let mut h264 = h264("");
    let mut frames = Vec::new();
    let sets = stap_a(&[&hex(SPS), &hex(PPS)]);
    let mut packets = vec![packet(0, false, &sets)];
    for picture in 1..=6 {
        let (first, second) = match picture % 3 {
            1 => (IDR, IDR_SECOND_SLICE),
            _ => (P, &[0x41, 0x44, 0x80, 7][..]),
        };
        packets.push(packet(picture, true, first));
        // In fragments, of which the last one has the marker.
        let fragments = fu_a(second, 2);
        packets.extend([
            packet(picture, false, &fragments[0]),
            packet(picture, true, &fragments[1]),
        ]);
    }
    for packet in &packets {
        h264.push(packet, &mut frames).unwrap();
    }
    h264.end(&mut frames);
    assert_eq!(
        frames.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
    assert!(frames[0].data.ends_with(&annex_b(&[IDR, IDR_SECOND_SLICE])));
    assert!(frames.iter().all(|frame| frame.data.len() > IDR.len() + 8));
}

#[test]
fn the_first_picture_is_not_lost_with_what_follows_it() {
    let sets = stap_a(&[&hex(SPS), &hex(PPS)]);
    for (next, expected) in [
        (packet(1, true, P), vec![0, 2]),
        (packet(0, true, IDR_SECOND_SLICE), vec![2]),
    ] {
        let (mut h264, mut frames) = (h264(""), Vec::new());
        for packet in [packet(0, false, &sets), packet(0, true, IDR)] {
            h264.push(&packet, &mut frames).unwrap();
        }
        h264.lost();
        // What depends on a lost packet, or begins behind it.
        let _ = h264.push(&next, &mut frames);
        frames.extend(push_all(&mut *h264, &[packet(2, true, IDR)]));
        assert_eq!(frames.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_sender_that_takes_to_marking_slices_later_costs_one_group() {
    let mut h264 = h264("");
    let mut frames = push_all(
        &mut *h264,
        &[packet(0, false, &stap_a(&[&hex(SPS), &hex(PPS)])), packet(0, true, IDR)],
    );
    let mut errors = 0;
    for picture in 1..=6 {
        for slice in [IDR, IDR_SECOND_SLICE] {
            errors += usize::from(h264.push(&packet(picture, true, slice), &mut frames).is_err());
        }
    }
    h264.end(&mut frames);
    assert_eq!(errors, 1, "the picture that shows what the markers are worth");
    let whole = annex_b(&[IDR, IDR_SECOND_SLICE]);
    assert_eq!(frames.iter().filter(|frame| frame.data.ends_with(&whole)).count(), 5);
}

#[test]
fn a_picture_without_its_end_is_no_frame_at_the_end() {
    let mut h264 = h264("");
    let mut frames = Vec::new();
    let sets = stap_a(&[&hex(SPS), &hex(PPS)]);
    for packet in [packet(0, false, &sets), packet(0, false, IDR)] {
        h264.push(&packet, &mut frames).unwrap();
    }
    h264.end(&mut frames);
    assert_eq!(frames, []);
}

#[test]
fn after_a_loss_nothing_comes_before_a_whole_keyframe() {
    let sets = stap_a(&[&hex(SPS), &hex(PPS)]);
    let idr: Vec<u8> = IDR.iter().copied().chain([9; 300]).collect();
    let fragments = fu_a(&idr, 3);
    let mut h264 = h264("");
    assert_eq!(
        push_all(&mut *h264, &[packet(0, false, &sets), packet(0, true, IDR)]).len(),
        1
    );
    h264.lost();
    let frames = push_all(
        &mut *h264,
        &[
            packet(1, true, P),
            // The end of a keyframe whose beginning is lost.
            packet(2, false, &fragments[1]),
            packet(2, true, &fragments[2]),
            packet(3, true, P),
            packet(4, false, &fragments[0]),
            packet(4, false, &fragments[1]),
            packet(4, true, &fragments[2]),
            packet(5, true, P),
        ],
    );
    assert_eq!(frames.iter().map(|f| f.timestamp).collect::<Vec<_>>(), [4, 5]);
    assert!(frames[0].keyframe);
    // A first slice that is lost spoils the picture.
    h264.lost();
    let mut frames = Vec::new();
    assert!(h264.push(&packet(6, true, IDR_SECOND_SLICE), &mut frames).is_err());
    assert_eq!(frames, []);
}

#[test]
fn what_the_mode_does_not_allow_is_an_error() {
    let fragment = &fu_a(IDR, 2)[1];
    let cut_off = [&stap_a(&[IDR])[..], &[0]].concat();
    let too_long = [0x78, 0xff, 0xff, 1, 2];
    let payloads: [&[u8]; 8] = [
        &[25, 1, 2],
        &[26, 1, 2],
        &[27, 1],
        &[29, 0x80, 1],
        &[30],
        &[28],
        &cut_off,
        &too_long,
    ];
    let mut frames = Vec::new();
    for payload in payloads {
        assert!(
            h264("").push(&packet(0, true, payload), &mut frames).is_err(),
            "{payload:?}"
        );
    }
    let mut h264 = h264("");
    push_all(
        &mut *h264,
        &[packet(0, false, &stap_a(&[&hex(SPS), &hex(PPS)])), packet(0, true, IDR)],
    );
    assert!(h264.push(&packet(1, true, fragment), &mut frames).is_err());
    assert!(h264.push(&packet(2, true, &[]), &mut frames).is_ok());
}

#[test]
fn a_keyframe_without_parameter_sets_is_an_error() {
    let (mut h264, mut frames) = (h264(""), Vec::new());
    assert!(
        h264.push(&packet(0, true, IDR), &mut frames).is_ok(),
        "more of it may follow"
    );
    assert!(h264.push(&packet(1, true, P), &mut frames).is_err());
    assert_eq!(frames, []);
}

#[test]
fn a_unit_does_not_grow_without_end() {
    let mut h264 = h264("");
    let mut frames = Vec::new();
    let first = [&[0x7c, 0x85][..], &[1; 60_000]].concat();
    let next = [&[0x7c, 0x05][..], &[1; 60_000]].concat();
    assert!(h264.push(&packet(0, false, &first), &mut frames).is_ok());
    assert!((0..200).any(|_| h264.push(&packet(0, false, &next), &mut frames).is_err()));
}

#[test]
fn interleaved_mode_is_refused() {
    let refused = offered("packetization-mode=2").err();
    assert_eq!(
        refused.as_deref(),
        Some("h264 (interleaved packetization: have its publisher send packetization-mode 1)")
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(
        packets in proptest::collection::vec(
            (0u32..6, any::<bool>(), 0u8..40, proptest::collection::vec(any::<u8>(), 0..60), any::<bool>()),
            1..60,
        ),
    ) {
        let mut h264 = h264("sprop-parameter-sets=Z2QADazZQUGfnwEQAAADABAAAAMDwPFCmWA=,aOvjyyLA");
        let mut frames = Vec::new();
        for (timestamp, marker, kind, body, lost) in packets {
            if lost {
                h264.lost();
            }
            let payload = [&[kind][..], &body].concat();
            let _ = h264.push(&packet(timestamp, marker, &payload), &mut frames);
        }
        prop_assert!(frames.first().is_none_or(|frame| frame.keyframe && frame.format.is_some()));
    }

    #[test]
    fn any_parameter_set_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let sps = [&[0x67, 100, 0, 40][..], &body].concat();
        let mut frames = Vec::new();
        let mut h264 = h264("");
        let _ = h264.push(&packet(0, false, &sps), &mut frames);
        let _ = h264.push(&packet(0, false, &[0x68, 0xce, 0x3c, 0x80]), &mut frames);
        let _ = h264.push(&packet(0, true, IDR), &mut frames);
    }
}

#[test]
fn parameter_sets_that_mean_the_same_are_no_new_format_and_stand_before_each_idr_picture() {
    let (sps, pps) = (hex(SPS), hex(PPS));
    // Level 4.1 for 4.0; and another entropy coding mode in the PPS.
    let mut other_level = sps.clone();
    other_level[3] = 41;
    let mut other_pps = pps.clone();
    other_pps[1] ^= 0x20;
    let mut depacketizer = h264("packetization-mode=1");
    let groups = [
        (&sps, &pps),
        (&other_level, &pps),
        (&sps, &pps),
        (&sps, &other_pps),
        (&hex(SPS_BASELINE), &hex(PPS_BASELINE)),
        (&sps, &pps),
    ];
    let mut formats = Vec::new();
    for (number, (sps, pps)) in groups.into_iter().enumerate() {
        let at = number as u32 * 90_000;
        let frames = push_all(
            &mut *depacketizer,
            &[
                packet(at, false, &stap_a(&[sps, pps])),
                packet(at, true, IDR),
                packet(at + 3600, true, P),
            ],
        );
        assert_eq!(&frames[0].data[..], annex_b(&[sps, pps, IDR]), "group {number}");
        formats.push(frames[0].format.is_some());
    }
    assert_eq!(formats, [true, false, false, false, true, true]);
}

/// A SEI NAL unit with a user's message and a recovery point so many pictures later.
fn recovery_point(later: u8) -> Vec<u8> {
    // ue(v) of 0 is 1, of 24 is 0000 1100 1; then exact_match, broken_link and the idc.
    let point: &[u8] = if later == 0 { &[0xc4] } else { &[0x0c, 0xc4] };
    [&[6, 5, 3, 0, 0, 3, 1, 6, point.len() as u8], point, &[0x80]].concat()
}

#[test]
fn a_stream_is_entered_at_recovery_points_of_open_groups() {
    let (sps, pps) = (hex(SPS), hex(PPS));
    // An intra slice that is no IDR picture.
    let intra: &[u8] = &[0x61, 0x88, 0x80, 8, 8];
    let mut depacketizer = h264("packetization-mode=1");
    let frames = push_all(
        &mut *depacketizer,
        &[
            packet(0, true, &stap_a(&[&sps, &pps, P])),
            packet(7_200, true, &stap_a(&[&recovery_point(0), intra])),
            // B-frames that are shown before it, and refer to what was before.
            packet(3_600, true, P),
            packet(5_400, true, P),
            packet(14_400, true, P),
            packet(10_800, true, P),
            packet(18_000, true, intra),
            packet(21_600, true, &stap_a(&[&recovery_point(0), intra])),
            packet(20_000, true, P),
        ],
    );
    let got: Vec<_> = frames.iter().map(|frame| (frame.timestamp, frame.keyframe)).collect();
    let expected = [
        (7_200, true),
        (14_400, false),
        (10_800, false),
        (18_000, false),
        (21_600, true),
        (20_000, false),
    ];
    assert_eq!(got, expected);
    assert_eq!(frames[0].data, annex_b(&[&sps, &pps, &recovery_point(0), intra]));
    assert!(frames[0].format.is_some() && frames[4].format.is_none());
    depacketizer.lost();
    let after = push_all(
        &mut *depacketizer,
        &[
            packet(30_000, true, P),
            packet(40_000, true, &stap_a(&[&recovery_point(0), intra])),
        ],
    );
    assert_eq!(after.len(), 1);
}

#[test]
fn a_stream_is_entered_where_its_pictures_begin_to_be_refreshed() {
    let (sps, pps) = (hex(SPS), hex(PPS));
    let frames = push_all(
        &mut *h264("packetization-mode=1"),
        &[
            packet(0, true, &stap_a(&[&sps, &pps, P])),
            // Without an intra slice this is no way in.
            packet(3_600, true, &stap_a(&[&recovery_point(0), P])),
            packet(7_200, true, &stap_a(&[&recovery_point(24), P])),
            packet(10_800, true, P),
        ],
    );
    assert_eq!(
        frames.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(),
        [7_200, 10_800]
    );
    assert!(frames[0].keyframe && !frames[1].keyframe);
}

#[test]
fn recovery_points_are_no_keyframes_while_idr_pictures_come() {
    const SECOND: u32 = 90_000;
    let intra: &[u8] = &[0x61, 0x88, 0x80, 8, 8];
    let point = stap_a(&[&recovery_point(0), intra]);
    let begins = stap_a(&[&hex(SPS), &hex(PPS), IDR]);
    let mut depacketizer = h264("packetization-mode=1");
    let mut keyframes = |packets: &[Packet]| -> Vec<bool> {
        push_all(&mut *depacketizer, packets)
            .iter()
            .map(|frame| frame.keyframe)
            .collect()
    };
    let got = keyframes(&[
        packet(0, true, &begins),
        packet(5 * SECOND, true, &point),
        packet(20 * SECOND, true, IDR),
        packet(49 * SECOND, true, &point),
        packet(50 * SECOND, true, &point),
        packet(60 * SECOND, true, &point),
        packet(61 * SECOND, true, IDR),
        packet(62 * SECOND, true, &point),
    ]);
    assert_eq!(got, [true, false, true, false, true, true, true, false]);
    depacketizer.lost();
    let got = push_all(&mut *depacketizer, &[packet(63 * SECOND, true, &point)]);
    assert!(got[0].keyframe, "what follows a loss is entered where it can be");
}

proptest! {
    #[test]
    fn any_sei_is_read_or_left_alone(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut frames = Vec::new();
        let _ = h264("packetization-mode=1").push(&packet(0, true, &[&[6][..], &body].concat()), &mut frames);
        prop_assert!(frames.is_empty());
    }
}

#[test]
fn what_is_no_parameter_set_neither_takes_the_place_of_one_nor_lasts() {
    let whole = stap_a(&[&hex(SPS), &hex(PPS)]);
    // Of other numbers, and of the same ones: the bits behind them are none of a PPS or SPS.
    let others = [
        &[0x68, 0x4e, 7, 7, 7, 7, 7, 7, 7, 7][..],
        &[0x67, 100, 0, 40, 0x4e, 0, 0, 9],
    ];
    let same = [&[0x68, 0xff, 0, 9, 0, 9, 0, 9][..], &[0x67, 0x64, 0, 0x28, 0xff, 0, 9]];
    for broken in others.into_iter().chain(same) {
        let mut h264 = h264("");
        let mut frames = Vec::new();
        let packets = [
            packet(0, false, &whole),
            packet(0, true, IDR),
            packet(1, false, broken),
            packet(1, true, P),
            packet(2, true, IDR),
        ];
        for packet in &packets {
            // Whether it is refused at once or taken for one of another number.
            let _ = h264.push(packet, &mut frames);
        }
        h264.end(&mut frames);
        let (first, last) = (&frames[0], &frames[frames.len() - 1]);
        assert_eq!((last.timestamp, last.keyframe), (2, true), "{broken:02x?}");
        assert_eq!(first.data, last.data, "{broken:02x?}");
    }
}
