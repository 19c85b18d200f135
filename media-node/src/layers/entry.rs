//! Where a layer can be entered: its keyframes, whole, as the packets that they came in. Pure.

use crate::channel::MediaTrack;
use crate::hub::{Packet, rtp};
use crate::stream::{self, Depacketizer, Fmtp, Frame, PayloadFormat};

/// Packets of one picture; a larger one is none that anybody could enter by.
const MAX_PACKETS: usize = 4_096;

/// See the module.
pub struct Entry {
    depacketizer: Box<dyn Depacketizer>,
    expected: Option<u16>,
    /// The packets of the picture that is coming.
    held: Vec<Packet>,
}

/// A keyframe.
pub struct Keyframe {
    pub packets: Vec<Packet>,
    /// Where it is another one than that of the keyframe before: width and height in pixels.
    pub size: Option<(u32, u32)>,
}

impl Entry {
    /// For packets of this track; `None` where nothing is known of its codec.
    pub fn new(track: &MediaTrack, clock_rate: u32) -> Option<Self> {
        let format = PayloadFormat {
            encoding: track.codec.to_ascii_lowercase(),
            clock_rate,
            channels: None,
            fmtp: Fmtp::parse(&track.parameters),
        };
        Some(Self {
            depacketizer: stream::depacketizer(&format).ok()?,
            expected: None,
            held: Vec::new(),
        })
    }

    /// The next packet of RTP; the keyframe that it completes.
    pub fn push(&mut self, packet: &Packet) -> Option<Keyframe> {
        let coded = rtp::unpacked(&packet.payload)?;
        let expected = self.expected.replace(coded.sequence.wrapping_add(1));
        if expected.is_some_and(|expected| expected != coded.sequence) {
            self.depacketizer.lost();
            self.held.clear();
        }
        if self.held.len() >= MAX_PACKETS {
            self.depacketizer.lost();
            self.held.clear();
        }
        self.held.push(packet.clone());
        let mut frames = Vec::new();
        // What cannot be read is no entry.
        let is_read = self.depacketizer.push(&coded, &mut frames).is_ok();
        let keyframe = frames.into_iter().filter(|_| is_read).rfind(|frame| frame.keyframe);
        let found = keyframe.map(|frame| self.keyframe(&frame));
        // A codec whose pictures end where the next one begins is told late.
        self.held.retain(|held| timestamp(held) == Some(coded.timestamp));
        found
    }

    fn keyframe(&self, frame: &Frame) -> Keyframe {
        let from = self
            .held
            .iter()
            .position(|held| timestamp(held) == Some(frame.timestamp));
        Keyframe {
            packets: self.held.get(from.unwrap_or_default()..).unwrap_or_default().to_vec(),
            size: frame.format.as_ref().and_then(|format| format.format.picture_size()),
        }
    }
}

fn timestamp(packet: &Packet) -> Option<u32> {
    rtp::rtp_head(&packet.payload).map(|head| head.timestamp)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Vp8, video_track};
    use super::*;

    #[test]
    fn a_keyframe_is_found_with_all_its_packets_and_its_size() {
        let mut entry = Entry::new(&video_track(), 90_000).unwrap();
        let mut sender = Vp8::new(3, 320, 180);
        let mut found = Vec::new();
        for (keyframe, packets) in [(false, 2), (true, 3), (false, 1), (true, 1)] {
            for packet in sender.picture(keyframe, packets) {
                if let Some(keyframe) = entry.push(&packet) {
                    found.push((keyframe.packets.len(), keyframe.size));
                }
            }
        }
        assert_eq!(found, [(3, Some((320, 180))), (1, None)]);
    }

    #[test]
    fn a_keyframe_that_lacks_a_packet_is_none() {
        let mut entry = Entry::new(&video_track(), 90_000).unwrap();
        let mut sender = Vp8::new(3, 320, 180);
        let packets = sender.picture(true, 3);
        assert!(packets.iter().step_by(2).all(|packet| entry.push(packet).is_none()));
        assert!(
            sender
                .picture(true, 1)
                .iter()
                .any(|packet| entry.push(packet).is_some())
        );
    }

    #[test]
    fn a_codec_of_which_nothing_is_known_has_no_entries() {
        let track = MediaTrack {
            codec: "X".to_owned(),
            ..video_track()
        };
        assert!(Entry::new(&track, 90_000).is_none());
    }
}
