//! A sender in virtual time, whose clock is its own, for tests of what becomes of captured media.

use super::depacketize::{Depacketizer, Frame, FrameFormat, Malformed, Packet};
use super::rtp::RtpStream;
use super::track::{RtpTrack, SenderReport};
use super::{AccessUnit, Format, Passed, Patience, StreamEvent, Track, Unlock, UserClock};

/// Between two sender reports of a track, by the sender's clock.
const REPORT_US: i64 = 5_000_000;
/// NTP time at which the sender's clock begins.
const NTP_START_US: i64 = 3_900_000_000_000_000;

/// How what is sent arrives.
pub struct Path {
    /// By how many parts per million the sender's clock is faster than the recording's.
    pub ppm: i64,
    /// From sending to arrival at least, and by how much more at most.
    pub delay_us: i64,
    pub jitter_us: i64,
}

impl Path {
    /// A moment of the sender's clock on the recording's timeline; both begin together.
    pub fn ours_us(&self, theirs_us: i64) -> i64 {
        (i128::from(theirs_us) * 1_000_000 / i128::from(1_000_000 + self.ppm)) as i64
    }
}

/// One track of the sender: units in the order of sending, at times of the sender's clock.
pub struct Sent {
    pub track: Track,
    pub format: Format,
    /// From one unit to the next.
    pub frame_us: i64,
    pub units: Vec<AccessUnit>,
}

/// What is captured of a stream, with the moments at which it comes.
pub fn capture(tracks: Vec<Sent>, path: &Path, patience: Patience) -> Vec<(i64, StreamEvent)> {
    let user = UserClock::new(patience).join("camera");
    let mut arrivals = Vec::new();
    let mut captures = Vec::new();
    for (index, sent) in tracks.into_iter().enumerate() {
        let rate = if sent.track == Track::Video { 90_000 } else { 48_000 };
        let timestamp = |us: i64| ((us * i64::from(rate) + 500_000) / 1_000_000) as u32;
        let (mut last_us, mut report_us) = (0, 0);
        for (number, unit) in sent.units.iter().enumerate() {
            let jitter_us = (number as i64 * 7_919) % (path.jitter_us + 1);
            let arrival_us = last_us.max(path.ours_us(unit.dts_us) + path.delay_us + jitter_us);
            last_us = arrival_us;
            let packet = Packet {
                arrival_us,
                sequence: number as u16,
                timestamp: timestamp(unit.pts_us),
                marker: unit.keyframe,
                payload: unit.data.clone(),
            };
            arrivals.push((arrival_us, index, Ok(packet)));
            if unit.dts_us >= report_us {
                report_us = unit.dts_us + REPORT_US;
                let report = SenderReport {
                    ntp_us: NTP_START_US + unit.dts_us,
                    timestamp: timestamp(unit.dts_us),
                };
                arrivals.push((arrival_us, index, Err(report)));
            }
        }
        let format = Some(FrameFormat {
            format: sent.format,
            frame_us: sent.frame_us,
        });
        captures.push(RtpTrack::new(
            sent.track,
            rate,
            Box::new(Whole(format)),
            Box::new(Clear),
            0,
        ));
    }
    arrivals.sort_by_key(|(arrival_us, ..)| *arrival_us);
    let mut stream = RtpStream::new(captures, user);
    let mut captured = Vec::new();
    for (arrival_us, index, what) in arrivals {
        let mut events = Vec::new();
        match what {
            Ok(packet) => stream.packet(index, &packet, &mut events),
            Err(report) => stream.report(index, report, arrival_us, &mut events),
        }
        captured.extend(events.into_iter().map(|event| (arrival_us, event)));
    }
    captured
}

/// Where nothing is encrypted.
pub struct Clear;

impl Unlock for Clear {
    fn pass(&mut self, frame: Frame) -> Passed {
        Passed::Clear(frame)
    }
}

/// Takes each packet for a unit, and its marker for that of a key frame.
struct Whole(Option<FrameFormat>);

impl Depacketizer for Whole {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        frames.push(Frame {
            timestamp: packet.timestamp,
            arrival_us: packet.arrival_us,
            data: packet.payload.clone(),
            keyframe: packet.marker,
            format: self.0.take(),
        });
        Ok(())
    }

    fn lost(&mut self) {}
}

/// A sequence parameter set of the main profile for pictures of this coded size, predicted from so many others.
pub fn sps(width: u32, height: u32, pictures: u32) -> Vec<u8> {
    SpsBits::new(width, height, pictures).nal()
}

/// What a sequence parameter set says.
pub struct SpsBits {
    width: u32,
    height: u32,
    pictures: u32,
    /// What is cut off at the right and at the bottom, in pairs of pixels.
    pub crop: Option<(u32, u32)>,
    /// How many pictures may be sent ahead of one that is shown before them, where it says so.
    pub reorder_frames: Option<u32>,
}

impl SpsBits {
    pub fn new(width: u32, height: u32, pictures: u32) -> Self {
        Self {
            width,
            height,
            pictures,
            crop: None,
            reorder_frames: None,
        }
    }

    /// The NAL unit.
    pub fn nal(&self) -> Vec<u8> {
        let mut bits = Vec::new();
        // The set's id, the lengths of frame_num and of the picture order count, then what pictures are predicted from.
        [0, 0, 0, 0, self.pictures]
            .iter()
            .for_each(|value| ue(&mut bits, *value));
        bits.push(false);
        ue(&mut bits, self.width / 16 - 1);
        ue(&mut bits, self.height / 16 - 1);
        // Frames, direct_8x8_inference.
        bits.extend([true, true]);
        bits.push(self.crop.is_some());
        if let Some((right, bottom)) = self.crop {
            [0, right, 0, bottom].iter().for_each(|value| ue(&mut bits, *value));
        }
        bits.push(self.reorder_frames.is_some());
        if let Some(reorder_frames) = self.reorder_frames {
            // Of the VUI only the restrictions of the bitstream, and of these what comes last.
            bits.extend([false; 8]);
            bits.extend([true, true]);
            [0, 0, 0, 0, reorder_frames, self.pictures.max(reorder_frames)]
                .iter()
                .for_each(|value| ue(&mut bits, *value));
        }
        bits.push(true);
        let mut nal = vec![0x67, 77, 0, 40];
        let bytes = bits.chunks(8).map(|bits| {
            let value = bits.iter().fold(0, |value, bit| value << 1 | u8::from(*bit));
            value << (8 - bits.len())
        });
        nal.extend(bytes);
        nal
    }
}

/// Appends an Exp-Golomb number.
fn ue(bits: &mut Vec<bool>, value: u32) {
    let length = (value + 1).ilog2();
    bits.extend((0..length).map(|_| false));
    bits.extend((0..=length).rev().map(|bit| (value + 1) >> bit & 1 == 1));
}
