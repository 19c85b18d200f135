use proptest::prelude::*;

use super::packets::{annex_b, hex, packet, push_to_end as push_all, timestamps};
use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, PayloadFormat, depacketizer, h265_picture_buffer};
use crate::stream::{Format, H265Format};

/// x265: Main, 320x180, two frames of reordering, 25 fps.
const VPS: &str = "40010c01ffff01600000030090000003000003003c959409";
const SPS: &str = "42010101600000030090000003000003003ca00a080c1f3e595952930bc05a020000030002000003003210";
const PPS: &str = "4401c073c189";
/// x265: Main, 852x478 cut out of 864x480, no reordering.
const VPS_ODD: &str = "40010c01ffff01600000030090000003000003005aba0240";
const SPS_ODD: &str = "42010101600000030090000003000003005aa006c201e1cf596e92930bc05a020000030002000003003210";
/// Slice segments whose headers begin a picture with PPS 0.
const IDR: &[u8] = &[0x26, 1, 0xac, 1, 2, 3];
const P: &[u8] = &[2, 1, 0xd0, 4, 5, 6];
const CRA: &[u8] = &[0x2a, 1, 0xac, 7, 7];
const BLA: &[u8] = &[0x20, 1, 0xac, 8, 8];
const RASL: &[u8] = &[0x10, 1, 0xd0, 9];
const RADL: &[u8] = &[0x0c, 1, 0xd0, 10];
/// Of the same picture, behind its first slice segment.
const IDR_SECOND: &[u8] = &[0x26, 1, 0x2c, 7];
const P_SECOND: &[u8] = &[2, 1, 0x50, 7];

fn offered(fmtp: &str) -> Result<Box<dyn Depacketizer>, String> {
    depacketizer(&PayloadFormat::parse("H265/90000", Fmtp::parse(fmtp)).unwrap())
}

fn h265(fmtp: &str) -> Box<dyn Depacketizer> {
    offered(fmtp).unwrap()
}

fn aggregate(nals: &[&[u8]]) -> Vec<u8> {
    let mut payload = vec![0x60, 1];
    for nal in nals {
        payload.extend((nal.len() as u16).to_be_bytes());
        payload.extend(*nal);
    }
    payload
}

fn sets() -> Vec<u8> {
    aggregate(&[&hex(VPS), &hex(SPS), &hex(PPS)])
}

/// Fragments of a NAL unit; `number`: its decoding order number, where there are such.
fn fragments(nal: &[u8], parts: usize, number: Option<u16>) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = nal[2..].chunks((nal.len() - 2).div_ceil(parts)).collect();
    let last = chunks.len() - 1;
    let fragment = |(at, chunk): (usize, &&[u8])| {
        let start = if at == 0 { 0x80 } else { 0 };
        let end = if at == last { 0x40 } else { 0 };
        let number = number.filter(|_| at == 0).map(u16::to_be_bytes);
        let mut payload = vec![nal[0] & 0x81 | 49 << 1, nal[1], nal[0] >> 1 & 0x3f | start | end];
        payload.extend(number.into_iter().flatten());
        payload.extend(*chunk);
        payload
    };
    chunks.iter().enumerate().map(fragment).collect()
}

fn format(frame: &Frame) -> &H265Format {
    match &frame.format.as_ref().unwrap().format {
        Format::H265(format) => format,
        other => panic!("{other:?}"),
    }
}

fn keyframes(frames: &[Frame]) -> Vec<bool> {
    frames.iter().map(|frame| frame.keyframe).collect()
}

#[test]
fn parameter_sets_stand_before_each_picture_that_is_entered() {
    let (vps, sps, pps) = (hex(VPS), hex(SPS), hex(PPS));
    let sei = &[0x4e, 1, 5, 1, 0xff, 0x80][..];
    let frames = push_all(
        &mut *h265(""),
        &[
            packet(0, false, &aggregate(&[&[0x46, 1, 0x10], &vps, &sps, &pps])),
            packet(0, false, sei),
            packet(0, true, IDR),
            packet(3600, true, P),
            packet(7200, true, IDR),
        ],
    );
    let data: Vec<&[u8]> = frames.iter().map(|frame| &frame.data[..]).collect();
    assert_eq!(data[0], annex_b(&[&vps, &sps, &pps, sei, IDR]));
    assert_eq!(data[1], annex_b(&[P]));
    assert_eq!(data[2], annex_b(&[&vps, &sps, &pps, IDR]));
    assert_eq!(keyframes(&frames), [true, false, true]);
    assert_eq!(
        frames.iter().map(|f| f.format.is_some()).collect::<Vec<_>>(),
        [true, false, false]
    );
    let got = format(&frames[0]);
    assert_eq!((got.width, got.height, got.reorder_depth), (320, 180, 2));
    assert_eq!(
        (&got.vps[..], &got.sps[..], &got.pps[..]),
        (&vps[..], &sps[..], &pps[..])
    );
    assert_eq!(frames[0].format.as_ref().unwrap().frame_us, 40_000);
}

#[test]
fn parameter_sets_come_from_the_session_description_too() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    for (vps, sps, expected) in [(VPS, SPS, (320, 180, 2)), (VPS_ODD, SPS_ODD, (852, 478, 0))] {
        let [vps, sps, pps] = [vps, sps, PPS].map(|set| STANDARD.encode(hex(set)));
        let mut h265 = h265(&format!(
            "sprop-vps={vps}; sprop-sps={sps};sprop-pps={pps}; sprop-max-don-diff=0"
        ));
        let frames = push_all(&mut *h265, &[packet(0, true, IDR)]);
        let format = format(&frames[0]);
        assert_eq!((format.width, format.height, format.reorder_depth), expected);
    }
    let buffer = h265_picture_buffer(&hex(SPS_ODD)).unwrap();
    assert_eq!((buffer.width, buffer.height), (864, 480));
    assert_eq!(buffer.picture_bytes, 864 * 480 * 3 / 2);
}

#[test]
fn fragments_are_put_together_with_and_without_decoding_order_numbers() {
    let idr: Vec<u8> = IDR.iter().copied().chain((0..5000).map(|n| n as u8 | 1)).collect();
    let (vps, sps, pps) = (hex(VPS), hex(SPS), hex(PPS));
    let whole = annex_b(&[&vps, &sps, &pps, &idr]);
    let mut packets = vec![packet(0, false, &sets())];
    packets.extend(
        fragments(&idr, 4, None)
            .iter()
            .map(|fragment| packet(0, false, fragment)),
    );
    // No marker: the next timestamp ends the unit.
    packets.push(packet(3600, true, P));
    let frames = push_all(&mut *h265(""), &packets);
    assert_eq!(timestamps(&frames), [0, 3600]);
    assert_eq!(&frames[0].data[..], whole);

    let mut numbered = vec![0x60, 1, 0xff, 0xfd];
    for (at, nal) in [&vps, &sps, &pps].into_iter().enumerate() {
        numbered.extend([0].iter().take(usize::from(at > 0)));
        numbered.extend((nal.len() as u16).to_be_bytes());
        numbered.extend(nal);
    }
    let mut packets = vec![packet(0, false, &numbered)];
    packets.extend(
        fragments(&idr, 4, Some(0))
            .iter()
            .map(|fragment| packet(0, false, fragment)),
    );
    packets.push(packet(3600, true, &[&P[..2], &[0, 1], &P[2..]].concat()));
    let mut depacketizer = h265("sprop-max-don-diff=2");
    let frames = push_all(&mut *depacketizer, &packets);
    assert_eq!(timestamps(&frames), [0, 3600]);
    assert_eq!(
        (&frames[0].data[..], &frames[1].data[..]),
        (&whole[..], &annex_b(&[P])[..])
    );
    let back = packet(7200, true, &[&P[..2], &[0, 0], &P[2..]].concat());
    assert!(
        depacketizer.push(&back, &mut Vec::new()).is_err(),
        "decoded before the one before"
    );
}

#[test]
fn interleaved_packets_are_refused() {
    let refused = offered("sprop-max-don-diff=8;sprop-depack-buf-nalus=4").err();
    assert_eq!(
        refused.as_deref(),
        Some("h265 (interleaved packetization: have its publisher send in decoding order)")
    );
}

#[test]
fn a_new_size_is_a_new_format_and_sets_that_mean_the_same_are_not() {
    let mut other_level = hex(SPS);
    let level = other_level.iter().position(|byte| *byte == 0x3c).unwrap();
    other_level[level] = 0x5d;
    let mut depacketizer = h265("");
    let groups = [
        (hex(VPS), hex(SPS)),
        (hex(VPS), other_level),
        (hex(VPS), hex(SPS)),
        (hex(VPS_ODD), hex(SPS_ODD)),
        (hex(VPS), hex(SPS)),
    ];
    let mut formats = Vec::new();
    for (number, (vps, sps)) in groups.iter().enumerate() {
        let at = number as u32 * 90_000;
        let frames = push_all(
            &mut *depacketizer,
            &[
                packet(at, false, &aggregate(&[vps, sps, &hex(PPS)])),
                packet(at, true, IDR),
                packet(at + 3600, true, P),
            ],
        );
        assert_eq!(
            &frames[0].data[..],
            annex_b(&[vps, sps, &hex(PPS), IDR]),
            "group {number}"
        );
        formats.push(frames[0].format.is_some());
    }
    assert_eq!(formats, [true, false, false, true, true]);
}

#[test]
fn what_is_no_parameter_set_does_not_take_the_place_of_one() {
    let mut h265 = h265("");
    let mut frames = Vec::new();
    for packet in [
        packet(0, false, &sets()),
        packet(0, true, IDR),
        // Its numbers are there, and not what follows them.
        packet(1, false, &hex(SPS)[..20]),
        packet(1, true, P),
        packet(2, true, IDR),
    ] {
        let is_broken = packet.payload.len() == 20;
        assert_eq!(h265.push(&packet, &mut frames).is_err(), is_broken);
    }
    h265.end(&mut frames);
    assert_eq!(timestamps(&frames), [0, 2]);
    assert_eq!(frames[0].data, frames[1].data);
}

#[test]
fn a_parameter_set_that_changes_between_keyframes_stays_in_the_stream() {
    let changed = [&hex(PPS)[..5], &[0x99]].concat();
    let frames = push_all(
        &mut *h265(""),
        &[
            packet(0, false, &sets()),
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
fn pictures_end_where_another_one_begins_whatever_the_marker_says() {
    let mut depacketizer = h265("");
    let mut frames = Vec::new();
    let mut packets = vec![packet(0, false, &sets())];
    for picture in 1..=6 {
        let (first, second) = match picture % 3 {
            1 => (IDR, IDR_SECOND),
            _ => (P, P_SECOND),
        };
        packets.extend([packet(picture, true, first), packet(picture, true, second)]);
    }
    for packet in &packets {
        depacketizer.push(packet, &mut frames).unwrap();
    }
    depacketizer.end(&mut frames);
    assert_eq!(timestamps(&frames), [1, 2, 3, 4, 5, 6]);
    assert!(frames[0].data.ends_with(&annex_b(&[IDR, IDR_SECOND])));

    // Two pictures with one timestamp and without a marker, the second one with parameter sets.
    let (vps, sps, pps) = (hex(VPS), hex(SPS), hex(PPS));
    let frames = push_all(
        &mut *h265(""),
        &[
            packet(0, false, &sets()),
            packet(0, false, IDR),
            packet(0, false, IDR_SECOND),
            packet(0, false, P),
            packet(0, false, &sets()),
            packet(0, false, IDR),
            packet(9, true, P),
        ],
    );
    assert_eq!(timestamps(&frames), [0, 0, 0, 9]);
    assert_eq!(&frames[0].data[..], annex_b(&[&vps, &sps, &pps, IDR, IDR_SECOND]));
    assert_eq!(keyframes(&frames), [true, false, true, false]);
}

#[test]
fn layers_above_the_base_are_left_out() {
    let frames = push_all(
        &mut *h265(""),
        &[
            packet(0, false, &sets()),
            packet(0, false, IDR),
            packet(0, true, &[0x26, 9, 0xac, 1]),
        ],
    );
    assert!(frames[0].data.ends_with(&annex_b(&[IDR])));
}

#[test]
fn after_a_loss_nothing_comes_before_a_picture_that_can_be_entered() {
    let idr: Vec<u8> = IDR.iter().copied().chain([9; 300]).collect();
    let parts = fragments(&idr, 3, None);
    let mut h265 = h265("");
    push_all(&mut *h265, &[packet(0, false, &sets()), packet(0, true, IDR)]);
    h265.lost();
    let frames = push_all(
        &mut *h265,
        &[
            packet(1, true, P),
            // The end of a keyframe whose beginning is lost.
            packet(2, false, &parts[1]),
            packet(2, true, &parts[2]),
            packet(3, true, P),
            packet(4, false, &parts[0]),
            packet(4, false, &parts[1]),
            packet(4, true, &parts[2]),
            packet(5, true, P),
        ],
    );
    assert_eq!(timestamps(&frames), [4, 5]);
    h265.lost();
    let mut frames = Vec::new();
    assert!(h265.push(&packet(6, true, IDR_SECOND), &mut frames).is_err());
    assert_eq!(frames, []);
}

#[test]
fn leading_pictures_that_refer_to_what_is_not_there_are_left_out() {
    let mut depacketizer = h265("");
    let frames = push_all(
        &mut *depacketizer,
        &[
            packet(0, false, &sets()),
            packet(7_200, true, CRA),
            packet(3_600, true, RASL),
            packet(5_400, true, RADL),
            packet(10_800, true, P),
            // Here they can be decoded.
            packet(18_000, true, CRA),
            packet(14_400, true, RASL),
            packet(21_600, true, P),
        ],
    );
    assert_eq!(timestamps(&frames), [7_200, 5_400, 10_800, 18_000, 14_400, 21_600]);
    assert_eq!(
        keyframes(&frames),
        [true, false, false, true, false, false],
        "no closed group comes, so that slices begin with open ones"
    );
    // Behind a splice nobody has what they refer to.
    let frames = push_all(
        &mut *depacketizer,
        &[
            packet(28_800, true, BLA),
            packet(25_200, true, RASL),
            packet(32_400, true, CRA),
            packet(30_600, true, RASL),
        ],
    );
    assert_eq!(timestamps(&frames), [28_800, 32_400, 30_600]);
    assert_eq!(keyframes(&frames), [true, false, false], "closed groups come");
    depacketizer.lost();
    let frames = push_all(
        &mut *depacketizer,
        &[packet(40_000, true, CRA), packet(39_000, true, RASL)],
    );
    assert_eq!(keyframes(&frames), [true]);
}

/// A SEI NAL unit with a user's message and a recovery point so many pictures later.
fn recovery_point(later: bool) -> Vec<u8> {
    // se(v) of 0 is 1, of 24 is 0000 0110 000; then exact match and broken link.
    let point: &[u8] = if later { &[0x06, 0x14] } else { &[0xd0] };
    [&[0x4e, 1, 5, 3, 0, 0, 3, 1, 6, point.len() as u8], point, &[0x80]].concat()
}

#[test]
fn a_stream_is_entered_where_its_pictures_begin_to_be_refreshed() {
    let intra: &[u8] = &[2, 1, 0xd8, 4];
    for (point, entered) in [
        (aggregate(&[&recovery_point(true), P]), true),
        (aggregate(&[&recovery_point(false), intra]), true),
        (aggregate(&[&recovery_point(false), P]), false),
    ] {
        let frames = push_all(
            &mut *h265(""),
            &[
                packet(0, false, &sets()),
                packet(0, true, P),
                packet(7_200, true, &point),
                // It is shown before, and refers to what was before.
                packet(3_600, true, P),
                packet(10_800, true, P),
            ],
        );
        let expected: &[u32] = if entered { &[7_200, 10_800] } else { &[] };
        assert_eq!(timestamps(&frames), expected, "{point:?}");
    }
}

#[test]
fn what_the_format_does_not_allow_is_an_error() {
    let cut_off = [&aggregate(&[IDR])[..], &[0]].concat();
    let too_long = [0x60, 1, 0xff, 0xff, 1, 2];
    let payloads: [&[u8]; 7] = [
        &[0x26],
        &[0x64, 1, 2],
        &[0x7e, 1, 2],
        &[0x62, 1],
        &cut_off,
        &too_long,
        &[0x60, 1, 0, 1, 0x26],
    ];
    let mut frames = Vec::new();
    for payload in payloads {
        assert!(
            h265("").push(&packet(0, true, payload), &mut frames).is_err(),
            "{payload:?}"
        );
    }
    let mut without_sets = h265("");
    assert!(
        without_sets.push(&packet(0, true, IDR), &mut frames).is_ok(),
        "more of it may follow"
    );
    assert!(without_sets.push(&packet(1, true, P), &mut frames).is_err());
    let mut h265 = h265("");
    push_all(&mut *h265, &[packet(0, false, &sets()), packet(0, true, IDR)]);
    let fragment = &fragments(IDR, 2, None)[1];
    assert!(h265.push(&packet(1, true, fragment), &mut frames).is_err());
    assert!(h265.push(&packet(2, true, &[]), &mut frames).is_ok());
    assert_eq!(frames, []);
}

#[test]
fn a_unit_does_not_grow_without_end() {
    let mut h265 = h265("");
    let mut frames = Vec::new();
    let first = [&[0x62, 1, 0x93][..], &[1; 60_000]].concat();
    let next = [&[0x62, 1, 0x13][..], &[1; 60_000]].concat();
    assert!(h265.push(&packet(0, false, &first), &mut frames).is_ok());
    assert!((0..200).any(|_| h265.push(&packet(0, false, &next), &mut frames).is_err()));
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(
        numbered in any::<bool>(),
        packets in proptest::collection::vec(
            (0u32..6, any::<bool>(), 0u8..52, proptest::collection::vec(any::<u8>(), 0..60), any::<bool>()),
            1..60,
        ),
    ) {
        let mut depacketizer = h265(if numbered { "sprop-max-don-diff=1" } else { "" });
        let mut frames = Vec::new();
        if !numbered {
            depacketizer.push(&packet(0, false, &sets()), &mut frames).unwrap();
        }
        for (timestamp, marker, kind, body, lost) in packets {
            if lost {
                depacketizer.lost();
            }
            let payload = [&[kind << 1, 1][..], &body].concat();
            let _ = depacketizer.push(&packet(timestamp, marker, &payload), &mut frames);
        }
        prop_assert!(frames.first().is_none_or(|frame| frame.keyframe && frame.format.is_some()));
    }

    #[test]
    fn any_parameter_set_is_read_or_refused(
        at in 0usize..80,
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        which in 0usize..3,
    ) {
        let mut sets = [hex(VPS), hex(SPS), hex(PPS)];
        let set = &mut sets[which];
        let at = at.min(set.len()).max(2);
        set.truncate(at);
        set.extend(&bytes);
        let mut frames = Vec::new();
        let mut h265 = h265("");
        for set in sets {
            let _ = h265.push(&packet(0, false, &set), &mut frames);
        }
        let _ = h265.push(&packet(0, true, IDR), &mut frames);
        if let Some(frame) = frames.first() {
            let format = format(frame);
            prop_assert!(format.width > 0 && format.height > 0 && format.reorder_depth <= 16);
        }
    }
}
