use bytes::Bytes;
use protocol::TrackKind;

use crate::channel::MediaTrack;
use crate::hub::{Flow, Packet};

pub fn video_track() -> MediaTrack {
    MediaTrack {
        kind: TrackKind::Video,
        codec: "VP8".to_owned(),
        parameters: String::new(),
    }
}

/// A sender of VP8 whose pictures show nothing.
pub struct Vp8 {
    ssrc: u32,
    sequence: u16,
    pub timestamp: u32,
    size: (u16, u16),
}

impl Vp8 {
    pub fn new(ssrc: u32, width: u16, height: u16) -> Self {
        Self {
            ssrc,
            sequence: 100,
            timestamp: ssrc * 1_000_000,
            size: (width, height),
        }
    }

    /// A picture in so many packets, 40 ms behind the one before.
    pub fn picture(&mut self, keyframe: bool, packets: usize) -> Vec<Packet> {
        self.timestamp = self.timestamp.wrapping_add(3_600);
        (0..packets)
            .map(|number| {
                let mut packet = vec![0x80, 96 | u8::from(number + 1 == packets) << 7];
                packet.extend(self.sequence.to_be_bytes());
                packet.extend(self.timestamp.to_be_bytes());
                packet.extend(self.ssrc.to_be_bytes());
                // The descriptor: the beginning of the first partition, or more of it.
                packet.push(if number == 0 { 0x10 } else { 0 });
                if number == 0 {
                    packet.extend([u8::from(!keyframe), 0, 0, 0x9d, 1, 0x2a]);
                    packet.extend(self.size.0.to_le_bytes());
                    packet.extend(self.size.1.to_le_bytes());
                }
                packet.extend([7; 20]);
                self.sequence = self.sequence.wrapping_add(1);
                Packet {
                    track: 0,
                    flow: Flow::Rtp,
                    payload: Bytes::from(packet),
                }
            })
            .collect()
    }
}
