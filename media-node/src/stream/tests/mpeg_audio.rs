use bytes::Bytes;
use proptest::prelude::*;

use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, Packet, PayloadFormat, depacketizer};
use crate::stream::{Format, MpegFormat};

fn mpa() -> Box<dyn Depacketizer> {
    depacketizer(&PayloadFormat::parse("MPA/90000", Fmtp::default()).unwrap()).unwrap()
}

/// A frame of 128 kbit/s at 48 kHz, in one channel, layer III: 384 bytes, 24 ms.
fn frame(filling: u8) -> Vec<u8> {
    let mut frame = vec![filling; 384];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x94, 0xc0]);
    frame
}

fn packet(timestamp: u32, offset: u16, data: &[u8]) -> Packet {
    let [high, low] = offset.to_be_bytes();
    Packet {
        arrival_us: i64::from(timestamp),
        sequence: 0,
        timestamp,
        marker: false,
        payload: Bytes::from([&[0, 0, high, low], data].concat()),
    }
}

fn take(packets: &[Packet]) -> Vec<Frame> {
    let (mut mpa, mut frames) = (mpa(), Vec::new());
    for packet in packets {
        mpa.push(packet, &mut frames).unwrap();
    }
    frames
}

#[test]
fn several_frames_in_one_packet_follow_one_another() {
    let frames = take(&[packet(u32::MAX - 1_000, 0, &[frame(1), frame(2), frame(3)].concat())]);
    assert_eq!(
        frames.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(),
        [u32::MAX - 1_000, 1_159, 3_319]
    );
    for (number, got) in (1..).zip(&frames) {
        assert_eq!(got.data[..], frame(number)[..]);
    }
    let format = frames[0].format.clone().unwrap();
    let expected = MpegFormat {
        layer: 3,
        sample_rate: 48_000,
        channels: 1,
        frame_length: 1_152,
    };
    assert_eq!((format.format, format.frame_us), (Format::Mpeg(expected), 24_000));
    assert!(frames[1].format.is_none());
}

#[test]
fn fragments_are_put_together() {
    let whole = frame(9);
    let frames = take(&[
        packet(90, 100, &whole[100..200]),
        packet(180, 0, &whole[..100]),
        packet(180, 100, &whole[100..300]),
        packet(180, 300, &whole[300..]),
        packet(2_340, 0, &frame(2)),
    ]);
    assert_eq!(frames.len(), 2, "what began before the first packet is left out");
    assert_eq!(frames[0].data[..], whole[..]);
    assert_eq!((frames[0].timestamp, frames[0].arrival_us), (180, 180));
}

#[test]
fn what_a_loss_left_unfinished_does_not_touch_the_next_frame() {
    let whole = frame(9);
    let (mut mpa, mut frames) = (mpa(), Vec::new());
    mpa.push(&packet(0, 0, &whole[..100]), &mut frames).unwrap();
    mpa.lost();
    mpa.push(&packet(0, 200, &whole[200..]), &mut frames).unwrap();
    mpa.push(&packet(2_160, 0, &whole[..100]), &mut frames).unwrap();
    for wrong in [
        packet(2_160, 200, &whole[200..]),
        packet(4_320, 100, &whole[100..]),
        packet(2_160, 100, &[&whole[100..], &[1]].concat()),
    ] {
        mpa.push(&packet(2_160, 0, &whole[..100]), &mut frames).unwrap();
        mpa.push(&wrong, &mut frames).unwrap_err();
    }
    assert_eq!(frames, []);
    mpa.push(&packet(4_320, 0, &whole), &mut frames).unwrap();
    assert_eq!(frames.len(), 1);
}

#[test]
fn a_sender_may_change_its_rate() {
    let mut slower = vec![0; 192];
    // MPEG-2 layer III at 64 kbit/s and 24 kHz.
    slower[..4].copy_from_slice(&[0xff, 0xf3, 0x84, 0xc0]);
    let frames = take(&[
        packet(0, 0, &frame(1)),
        packet(2_160, 0, &slower),
        packet(4_320, 0, &slower),
    ]);
    let rates: Vec<_> = frames
        .iter()
        .map(|frame| match &frame.format.as_ref()?.format {
            Format::Mpeg(mpeg) => Some(mpeg.sample_rate),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rates, [Some(48_000), Some(24_000), None]);
}

#[test]
fn malformed_packets_are_told() {
    for payload in [
        &[0, 0, 0][..],
        &[0, 0, 0, 0, 1, 2, 3, 4],
        &[0, 0, 0, 0, 0xff, 0xff, 0x94, 0xc0],
    ] {
        let malformed = Packet {
            payload: Bytes::copy_from_slice(payload),
            ..packet(0, 0, &[])
        };
        mpa().push(&malformed, &mut Vec::new()).unwrap_err();
    }
    let cut_off = [&frame(1)[..], &frame(2)[..300]].concat();
    mpa().push(&packet(0, 0, &cut_off), &mut Vec::new()).unwrap_err();
}

proptest! {
    #[test]
    fn no_payload_panics(payloads in proptest::collection::vec(
        (0u16..4, proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()), 1..6,
    )) {
        let (mut mpa, mut frames) = (mpa(), Vec::new());
        for (offset, data, headed) in payloads {
            let data = if headed { [&frame(0)[..8], &data].concat() } else { data };
            let _ = mpa.push(&packet(0, offset * 4, &data), &mut frames);
        }
    }
}
