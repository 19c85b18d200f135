use bytes::Bytes;
use proptest::prelude::*;

use crate::stream::depacketize::{Depacketizer, Fmtp, Frame, Packet, PayloadFormat, depacketizer};
use crate::stream::testing::Clear;
use crate::stream::{AacFormat, Format, RtpStream, RtpTrack, StreamEvent, Track, UserClock};

const HBR: &str = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3";

fn aac(rtpmap: &str, fmtp: &str) -> Result<Box<dyn Depacketizer>, String> {
    depacketizer(&PayloadFormat::parse(rtpmap, Fmtp::parse(fmtp)).unwrap())
}

fn hbr() -> Box<dyn Depacketizer> {
    aac("MPEG4-GENERIC/48000/2", &format!("{HBR};config=1190")).unwrap()
}

/// A packet of `sizes` announced and `data` carried, 13 bits a size and 3 bits an index.
fn packet(timestamp: u32, sizes: &[u16], data: &[u8]) -> Packet {
    let mut payload = (sizes.len() as u16 * 16).to_be_bytes().to_vec();
    sizes.iter().for_each(|size| payload.extend((size << 3).to_be_bytes()));
    payload.extend(data);
    let payload = Bytes::from(payload);
    Packet {
        arrival_us: i64::from(timestamp),
        sequence: 0,
        timestamp,
        marker: true,
        payload,
    }
}

fn frames(aac: &mut dyn Depacketizer, packets: &[Packet]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for packet in packets {
        aac.push(packet, &mut frames).unwrap();
    }
    frames
}

fn format(aac: &mut dyn Depacketizer) -> AacFormat {
    match frames(aac, &[packet(0, &[1], &[1])]).remove(0).format.unwrap().format {
        Format::Aac(format) => format,
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_units_in_one_packet_follow_one_another() {
    let frames = frames(&mut *hbr(), &[packet(u32::MAX - 1000, &[2, 1, 3], &[1, 2, 3, 4, 5, 6])]);
    assert_eq!(
        frames.iter().map(|f| &f.data[..]).collect::<Vec<_>>(),
        [&[1, 2][..], &[3], &[4, 5, 6]]
    );
    assert_eq!(
        frames.iter().map(|f| f.timestamp).collect::<Vec<_>>(),
        [u32::MAX - 1000, 23, 1047]
    );
    assert_eq!(
        frames.iter().map(|f| f.format.is_some()).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(frames[0].format.as_ref().unwrap().frame_us, 21_333);
}

#[test]
fn fragments_are_put_together() {
    let mut aac = hbr();
    let packets = [
        packet(9, &[5], &[1, 2]),
        packet(9, &[5], &[3]),
        packet(9, &[5], &[4, 5]),
        packet(1033, &[1], &[6]),
    ];
    let frames = frames(&mut *aac, &packets);
    assert_eq!(
        frames.iter().map(|f| &f.data[..]).collect::<Vec<_>>(),
        [&[1, 2, 3, 4, 5][..], &[6]]
    );
}

#[test]
fn what_a_loss_left_unfinished_does_not_touch_the_next_unit() {
    let mut aac = hbr();
    let packets = [packet(9, &[5], &[4, 5]), packet(1033, &[1], &[6])];
    assert_eq!(frames(&mut *aac, &packets).len(), 1);
    assert_eq!(frames(&mut *aac, &[packet(2057, &[5], &[1])]), []);
    aac.lost();
    assert_eq!(frames(&mut *aac, &[packet(2057, &[2], &[1, 2])]).len(), 1);
}

#[test]
fn the_configuration_gives_the_format() {
    let read = |rtpmap: &str, config: &str| {
        let f = format(&mut *aac(rtpmap, &format!("{HBR};config={config}")).unwrap());
        (f.sample_rate, f.channels, f.frame_length)
    };
    assert_eq!(read("mpeg4-generic/48000/2", "1190"), (48_000, 2, 1024));
    assert_eq!(read("mpeg4-generic/44100/1", "1208"), (44_100, 1, 1024));
    assert_eq!(read("mpeg4-generic/44100/2", "1214"), (44_100, 2, 960));
    // A sample rate in full, 24 bits.
    assert_eq!(
        read("mpeg4-generic/48000/2", "1780 5dc010".replace(' ', "").as_str()),
        (48_000, 2, 1024)
    );
    // HE-AAC: the core's rate, half of the output's.
    assert_eq!(read("mpeg4-generic/48000/2", "2b118800"), (24_000, 2, 1024));
    // HE-AAC v2: one channel, of which two are made.
    assert_eq!(read("mpeg4-generic/48000/2", "eb098800"), (24_000, 1, 1024));
    // 5.1 and 7.1.
    assert_eq!(read("mpeg4-generic/48000/6", "11b0"), (48_000, 6, 1024));
    assert_eq!(read("mpeg4-generic/48000/8", "11b8"), (48_000, 8, 1024));
    // Channels by a program configuration element, which may be missing: then as offered.
    assert_eq!(read("mpeg4-generic/48000/6", "1180"), (48_000, 6, 1024));
    assert_eq!(read("mpeg4-generic/48000/2", QUAD), (48_000, 4, 1024));
}

/// As FFmpeg's encoder writes it: a pair in front, a pair behind.
const QUAD: &str = "118004c4040021100d4c61766335392e33372e31303056e500";

#[test]
fn what_a_header_of_adts_cannot_say_is_known() {
    let fits = |config: &str| {
        let format = format(&mut *aac("mpeg4-generic/48000/2", &format!("{HBR};config={config}")).unwrap());
        format.fits_adts()
    };
    for config in ["1190", "1208", "11b0", "11b8", "2b118800", "eb098800", "1310"] {
        assert!(fits(config), "{config}");
    }
    for (config, why) in [
        ("1214", "frames of 960 samples"),
        ("17805dc010", "a sample rate in full"),
        ("1180", "channels as offered"),
        (QUAD, "a program configuration"),
    ] {
        assert!(!fits(config), "{why}");
    }
}

#[test]
fn with_band_replication_a_unit_takes_twice_the_ticks() {
    let mut aac = aac("mpeg4-generic/48000/2", &format!("{HBR};config=2b118800")).unwrap();
    let frames = frames(&mut *aac, &[packet(0, &[1, 1], &[1, 2])]);
    assert_eq!(frames[1].timestamp, 2048);
    assert_eq!(frames[0].format.as_ref().unwrap().frame_us, 42_666);
}

#[test]
fn low_bit_rate_mode_has_short_headers() {
    let fmtp = "mode=AAC-lbr;sizelength=6;indexlength=2;indexdeltalength=2;config=1588";
    let mut aac = aac("mpeg4-generic/8000/1", fmtp).unwrap();
    let payload = Bytes::from_static(&[0, 16, 2 << 2, 1 << 2, 7, 8, 9]);
    let frames = frames(
        &mut *aac,
        &[Packet {
            arrival_us: 0,
            sequence: 0,
            timestamp: 0,
            marker: true,
            payload,
        }],
    );
    assert_eq!(
        frames.iter().map(|f| &f.data[..]).collect::<Vec<_>>(),
        [&[7, 8][..], &[9]]
    );
}

#[test]
fn what_cannot_be_recorded_is_refused_with_a_reason() {
    for fmtp in [
        "mode=CELP-cbr;config=1190",
        &format!("{HBR};config=11xx"),
        &format!("{HBR};config="),
        HBR,
        &format!("{HBR};config=1190;randomaccessindication=1"),
        &format!("{HBR};config=0790"),
    ] {
        let refused = aac("mpeg4-generic/48000/2", fmtp).err().unwrap();
        assert!(refused.starts_with("mpeg4-generic ("), "{refused}");
    }
    assert_eq!(aac("vorbis/48000/2", "x=y").err().as_deref(), Some("vorbis"));
}

#[test]
fn broken_packets_are_errors() {
    let interleaved = [0, 32, 0, 8, 0, 9, 1, 2];
    let payloads: [&[u8]; 5] = [&[0], &[0, 16], &[0, 16, 0, 0, 1], &[0, 15, 0, 8, 1], &interleaved];
    for payload in payloads {
        let payload = Bytes::copy_from_slice(payload);
        let packet = Packet {
            arrival_us: 0,
            sequence: 0,
            timestamp: 0,
            marker: true,
            payload,
        };
        assert!(hbr().push(&packet, &mut Vec::new()).is_err(), "{packet:?}");
    }
    assert!(hbr().push(&packet(0, &[2, 2], &[1, 2, 3]), &mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(packets in proptest::collection::vec(
        (0u32..3, proptest::collection::vec(any::<u8>(), 0..80)), 1..40,
    )) {
        let mut aac = hbr();
        let mut frames = Vec::new();
        for (timestamp, payload) in packets {
            let payload = payload.into();
            let _ = aac.push(&Packet { arrival_us: 0, sequence: 0, timestamp, marker: true, payload }, &mut frames);
        }
        prop_assert!(frames.iter().all(|frame| !frame.data.is_empty()));
    }

    #[test]
    fn any_configuration_is_read_or_refused(config in "[0-9a-f]{0,16}", rate in 1u32..200_000) {
        if let Ok(mut aac) = aac(&format!("mpeg4-generic/{rate}/2"), &format!("{HBR};config={config}")) {
            let format = format(&mut *aac);
            prop_assert!(format.sample_rate > 0 && format.channels > 0);
        }
    }
}

#[test]
fn a_mode_that_is_not_named_is_read_from_the_lengths() {
    let lengths = |size, index| format!("sizelength={size};indexlength={index};indexdeltalength={index};config=1190");
    let read = |fmtp: &str, packet: &Packet| {
        let mut aac = aac("MPEG4-GENERIC/48000/2", fmtp).unwrap();
        let of_packet = frames(&mut *aac, std::slice::from_ref(packet));
        of_packet.iter().map(|frame| frame.data.to_vec()).collect::<Vec<_>>()
    };
    let high = packet(0, &[2, 1], &[1, 2, 3]);
    for fmtp in [
        &lengths(13, 3),
        "config=1190",
        "streamtype=5;profile-level-id=1;config=1190",
    ] {
        assert_eq!(read(fmtp, &high), [vec![1, 2], vec![3]], "{fmtp}");
    }
    // One header of 8 bits: 2 bytes, index 0.
    let low = Packet {
        payload: Bytes::from_static(&[0, 8, 2 << 2, 7, 8]),
        ..high
    };
    assert_eq!(read("sizelength=6;config=1190", &low), [vec![7, 8]]);
    assert!(aac("MPEG4-GENERIC/48000/2", "mode=CELP-cbr;sizelength=13;config=1190").is_err());
}

#[test]
fn sound_of_which_nothing_can_be_read_is_told_once() {
    let format = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190";
    let format = PayloadFormat::parse("MPEG4-GENERIC/48000/2", Fmtp::parse(format)).unwrap();
    let track = RtpTrack::new(Track::Audio, 48_000, depacketizer(&format).unwrap(), Box::new(Clear), 0);
    let mut stream = RtpStream::new(vec![track], UserClock::default().join("camera"));
    let mut events = Vec::new();
    for number in 0..1_000u16 {
        let packet = Packet {
            arrival_us: i64::from(number) * 21_333,
            sequence: number,
            timestamp: u32::from(number) * 1_024,
            marker: true,
            payload: Bytes::from_static(&[0xff; 3]),
        };
        stream.packet(0, &packet, &mut events);
    }
    assert!(
        matches!(events[..], [StreamEvent::NoEntry(Track::Audio, Some(_))]),
        "{events:?}"
    );
}
