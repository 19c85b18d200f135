use super::*;
use crate::mix::testing::{Yuv, plain};
use crate::stream::Packet;

const SIZE: (u32, u32) = (160, 90);
const TICKS: u32 = 3_000;

/// So bright is the picture of this number.
fn luma(number: i64) -> u8 {
    40 + (number * 3) as u8
}

/// Pictures of an encoder as it comes, which makes B-frames, in packets.
fn sent(pictures: i64) -> Vec<Packet> {
    crate::media::init().unwrap();
    let target = VideoTarget {
        width: SIZE.0,
        height: SIZE.1,
        fps: FPS,
        bitrate: 400_000,
        gop: 30,
    };
    let mut encoder = VideoEncoder::new(&VideoEncoderChoice::default(), &target).unwrap();
    let mut coded = Vec::new();
    for number in 0..pictures {
        let picture = plain(SIZE.0, SIZE.1, Yuv([luma(number), 128, 128]));
        encoder
            .encode(&picture, number, number == 0, |unit| coded.push(unit))
            .unwrap();
    }
    encoder.finish(|unit| coded.push(unit)).unwrap();
    assert!(
        coded.is_sorted_by_key(|unit| unit.dts) && !coded.is_sorted_by_key(|unit| unit.pts),
        "it has B-frames"
    );
    let mut packets = Vec::new();
    for unit in coded {
        let payloads = h264::payloads(&unit.data);
        let last = payloads.len() - 1;
        for (index, payload) in payloads.into_iter().enumerate() {
            packets.push(packet(packets.len(), unit.pts as u32 * TICKS, index == last, payload));
        }
    }
    packets
}

fn packet(number: usize, timestamp: u32, marker: bool, payload: Vec<u8>) -> Packet {
    Packet {
        arrival_us: 0,
        sequence: number as u16,
        timestamp,
        marker,
        payload: payload.into(),
    }
}

fn track() -> MediaTrack {
    MediaTrack {
        kind: protocol::TrackKind::Video,
        codec: "H264".to_owned(),
        parameters: "packetization-mode=1".to_owned(),
    }
}

fn make(plain: &mut ToPlain, packets: &[Packet]) -> Vec<Made> {
    let mut made = Vec::new();
    for packet in packets {
        plain.packet(packet, &mut made).unwrap();
    }
    made
}

/// Whether it begins a keyframe.
fn is_key(made: &Made) -> bool {
    made.data.first().is_some_and(|head| head & 0x1f == 7)
}

#[test]
fn pictures_come_in_the_order_in_which_they_are_shown() {
    let packets = sent(60);
    let made = make(&mut ToPlain::new(&track(), 90_000).unwrap(), &packets);
    let mut timestamps: Vec<u32> = made.iter().map(|made| made.timestamp).collect();
    timestamps.dedup();
    // Those that the decoder waits with are not there yet.
    assert!(timestamps.len() >= 54, "{timestamps:?}");
    let expected: Vec<u32> = (0..timestamps.len() as u32).map(|number| number * TICKS).collect();
    assert_eq!(timestamps, expected);
    let mut reader = stream::depacketizer(&PayloadFormat::parse("H264/90000", Fmtp::parse("")).unwrap()).unwrap();
    let (mut decoder, mut frames) = (decoder().unwrap(), Vec::new());
    for (number, made) in made.into_iter().enumerate() {
        let packet = packet(number, made.timestamp, made.marker, made.data);
        reader.push(&packet, &mut frames).unwrap();
    }
    let mut seen = 0;
    for frame in frames {
        let ticks = i64::from(frame.timestamp);
        let each = |picture: Picture, ticks: i64| {
            let (got, expected) = (picture.plane(0).row(45)[80], luma(ticks / i64::from(TICKS)));
            assert!(
                got.abs_diff(expected) <= 4,
                "picture {seen} is {got} instead of {expected}"
            );
            seen += 1;
        };
        decoder.decode(&frame.data, ticks, ticks, each).unwrap();
    }
    assert!(seen >= 54, "{seen}");
}

#[test]
fn nothing_is_made_of_the_past_and_what_comes_builds_on_it() {
    let packets = sent(60);
    let mut plain = ToPlain::new(&track(), 90_000).unwrap();
    let (before, rest) = packets.split_at(packets.len() / 3);
    for packet in before {
        plain.past(packet).unwrap();
    }
    let made = make(&mut plain, rest);
    // Without what was before, nothing could be decoded up to the next keyframe, the thirtieth picture.
    let first = made.first().map(|made| made.timestamp / TICKS);
    assert!(first.is_some_and(|first| (15..25).contains(&first)), "{first:?}");
    assert!(made.first().is_some_and(is_key));
}

#[test]
fn a_keyframe_is_made_when_somebody_asks_for_one_and_decoding_goes_on_behind_a_loss() {
    let packets = sent(60);
    let mut plain = ToPlain::new(&track(), 90_000).unwrap();
    let (first, rest) = packets.split_at(packets.len() / 4);
    assert_eq!(make(&mut plain, first).iter().filter(|made| is_key(made)).count(), 1);
    plain.want_keyframe();
    let (lost, rest) = rest.split_at(1);
    assert_eq!(lost.len(), 1);
    let made = make(&mut plain, rest);
    assert_eq!(made.iter().filter(|made| is_key(made)).count(), 1);
    let from = made.iter().map(|made| made.timestamp / TICKS).min().unwrap();
    assert_eq!(from, 30, "at the publisher's next keyframe");
}

#[test]
fn what_is_no_h264_is_not_read() {
    let other = MediaTrack {
        codec: "VP8".to_owned(),
        ..track()
    };
    assert!(ToPlain::new(&other, 90_000).is_err());
}
