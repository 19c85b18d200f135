//! H.264 whose frames are coded as two fields (PAFF), of bits put together here: encoders that make them are in cameras and
//! broadcasters' machines only. Each macroblock has its samples as they are (I_PCM).

use super::rtp::{assert_in_order, units};
use crate::media::{self, VideoDecoder};
use crate::stream::depacketize::{Fmtp, Packet, PayloadFormat, depacketizer};
use crate::stream::testing::Clear;
use crate::stream::{AccessUnit, Format, PictureLimit, RtpStream, RtpTrack, StreamEvent, Track, UserClock, VideoCodec};

/// In macroblocks and in rows of them.
const WIDTH: usize = 2;
const HEIGHT: usize = 2;
/// More than a slice has.
const FRAMES: u32 = 450;
/// Frames from one IDR picture to the next.
const GROUP: u32 = 25;
/// From one frame to the next, in ticks of 90 kHz.
const FRAME_TICKS: u32 = 3_600;

/// How a sender tells of fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// A field has a time of its own, not its frame's.
    own_times: bool,
    /// The marker stands on each field, not on each frame.
    marks_fields: bool,
    /// The frames from the first of these up to the second are coded as frames.
    pub(crate) whole: (u32, u32),
    /// By parameter sets that allow no fields.
    own_sets: bool,
}

/// Of fields alone, of fields behind frames, amid a group, and at an IDR picture by parameter sets of their own, and of frames behind
/// fields in the second slice.
pub(crate) fn manners() -> Vec<Manner> {
    let wholes = [
        ((0, 0), false),
        ((0, 10), false),
        ((0, 400), true),
        ((410, FRAMES), false),
    ];
    let of = |(whole, own_sets)| {
        [(false, false), (false, true), (true, true)].map(|(own_times, marks_fields)| Manner {
            own_times,
            marks_fields,
            whole,
            own_sets,
        })
    };
    wholes.into_iter().flat_map(of).collect()
}

impl Manner {
    fn is_whole(self, frame: u32) -> bool {
        (self.whole.0..self.whole.1).contains(&frame)
    }
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, count: u32, value: u32) -> &mut Self {
        for bit in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let byte = self.bytes.last_mut().unwrap();
            *byte |= ((value >> bit & 1) as u8) << (7 - self.used);
            self.used = (self.used + 1) % 8;
        }
        self
    }

    /// ue(v), H.264 9.1.
    fn ue(&mut self, value: u32) -> &mut Self {
        let length = (value + 1).ilog2();
        self.put(length, 0).put(length + 1, value + 1)
    }

    fn align(&mut self) -> &mut Self {
        self.used = 0;
        self
    }

    /// The NAL unit with this header.
    fn nal(&mut self, header: u8) -> Vec<u8> {
        self.put(1, 1).align();
        let mut nal = vec![header];
        let mut zeros = 0;
        for byte in &self.bytes {
            if zeros >= 2 && *byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            nal.push(*byte);
        }
        nal
    }
}

/// `fields`: frames may be coded as fields.
fn parameter_sets(fields: bool) -> [Vec<u8>; 2] {
    // Main profile, level 3; what is decoded first is shown first.
    let mut sps = Bits::default();
    sps.put(24, 0x4d_00_1e).ue(0).ue(0).ue(2).ue(1).put(1, 0);
    sps.ue(WIDTH as u32 - 1);
    match fields {
        true => sps.ue(HEIGHT as u32 / 2 - 1).put(5, 0b0_0100),
        false => sps.ue(HEIGHT as u32 - 1).put(4, 0b1100),
    };
    let mut pps = Bits::default();
    pps.ue(0)
        .ue(0)
        .put(2, 0)
        .ue(0)
        .ue(0)
        .ue(0)
        .put(3, 0)
        .ue(0)
        .ue(0)
        .ue(0)
        .put(3, 0b100);
    [sps.nal(0x67), pps.nal(0x68)]
}

/// A slice that is a frame, or one of its fields; `fields`: as of the parameter sets.
fn slice(frame: u32, field: Option<bool>, fields: bool) -> Vec<u8> {
    let luma = 40 + (frame % 150) as u8;
    let number = frame % GROUP;
    // The second field of an IDR picture is none itself.
    let is_idr = number == 0 && field != Some(true);
    let mut bits = Bits::default();
    bits.ue(0).ue(7).ue(0).put(4, number % 16);
    match field {
        None if !fields => &mut bits,
        None => bits.put(1, 0),
        Some(is_bottom) => bits.put(1, 1).put(1, is_bottom.into()),
    };
    if is_idr {
        bits.ue(frame / GROUP % 2).put(2, 0);
    } else {
        bits.put(1, 0);
    }
    bits.ue(0).ue(1);
    let rows = if field.is_some() { HEIGHT / 2 } else { HEIGHT };
    for _ in 0..WIDTH * rows {
        bits.ue(25).align();
        bits.bytes.extend([[luma; 256].as_slice(), &[128; 128]].concat());
    }
    bits.nal(if is_idr { 0x65 } else { 0x41 })
}

/// What is captured of [`FRAMES`] frames at 25 a second.
pub(crate) fn captured(manner: Manner) -> Vec<StreamEvent> {
    let mut packets = Vec::new();
    let mut send = |timestamp: u32, marker: bool, payload: Vec<u8>| {
        packets.push(Packet {
            arrival_us: i64::from(timestamp) * 100 / 9,
            sequence: packets.len() as u16,
            timestamp,
            marker,
            payload: payload.into(),
        });
    };
    for frame in 0..FRAMES {
        let at = frame * FRAME_TICKS;
        if frame % GROUP == 0 {
            for set in parameter_sets(!(manner.own_sets && manner.is_whole(frame))) {
                send(at, false, set);
            }
        }
        if manner.is_whole(frame) {
            send(at, true, slice(frame, None, !manner.own_sets));
            continue;
        }
        let second = if manner.own_times { at + FRAME_TICKS / 2 } else { at };
        send(at, manner.marks_fields, slice(frame, Some(false), true));
        send(second, true, slice(frame, Some(true), true));
    }
    let format = PayloadFormat::parse("H264/90000", Fmtp::parse("packetization-mode=1")).unwrap();
    let track = RtpTrack::new(Track::Video, 90_000, depacketizer(&format).unwrap(), Box::new(Clear), 0);
    let mut stream = RtpStream::new(vec![track], UserClock::default().join("camera"));
    let mut events = Vec::new();
    for packet in &packets {
        stream.packet(0, packet, &mut events);
    }
    stream.finish(&mut events);
    events
}

/// The pictures that a decoder makes of units.
fn pictures(units: &[&AccessUnit]) -> Vec<(u32, u32)> {
    media::init().unwrap();
    let mut decoder = VideoDecoder::new(VideoCodec::H264, PictureLimit::default()).unwrap();
    let mut sizes = Vec::new();
    let mut keep = |picture: media::Picture, _: i64| sizes.push((picture.width(), picture.height()));
    for unit in units {
        decoder.decode(&unit.data, unit.pts_us, unit.dts_us, &mut keep).unwrap();
    }
    decoder.finish(&mut keep).unwrap();
    sizes
}

#[test]
fn frames_in_two_fields_are_captured_and_decoded_however_their_sender_tells_of_them() {
    for manner in manners() {
        let events = captured(manner);
        assert_in_order(&events);
        let left_out = events
            .iter()
            .find(|event| !matches!(event, StreamEvent::Format(..) | StreamEvent::Unit(..)));
        assert_eq!(left_out, None, "{manner:?}");
        let format = events.iter().find_map(|event| match event {
            StreamEvent::Format(_, Format::H264(h264)) => Some((h264.width, h264.height)),
            _ => None,
        });
        assert_eq!(format, Some((WIDTH as u32 * 16, HEIGHT as u32 * 16)));
        let units = units(&events, Track::Video);
        let keyframes: Vec<i64> = units
            .iter()
            .filter(|unit| unit.keyframe)
            .map(|unit| unit.pts_us)
            .collect();
        assert!(
            keyframes.windows(2).all(|pair| pair[1] - pair[0] == 1_000_000) && keyframes.len() as u32 == FRAMES / GROUP,
            "{manner:?}: {keyframes:?}"
        );
        let decoded = pictures(&units);
        assert_eq!(decoded.len(), FRAMES as usize, "{manner:?}: of {} units", units.len());
        assert!(decoded.iter().all(|size| *size == (32, 32)), "{decoded:?}");
    }
}
