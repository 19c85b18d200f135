use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::TrackKind;

use crate::channel::{MediaTrack, StreamPath};
use crate::hub::{Description, Flow, Layer, LayerState, Manner, Packet, Publication};

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

/// The width of a keyframe whose beginning this payload is.
pub fn width(payload: &[u8]) -> Option<u16> {
    let is_keyframe = payload.first() == Some(&0x10) && payload[1] & 1 == 0;
    is_keyframe.then(|| u16::from_le_bytes([payload[7], payload[8]]))
}

/// A publication of two layers, the smaller one first, and who sends them.
pub struct Layered {
    pub whole: Arc<Publication>,
    pub layers: Vec<Arc<Layer>>,
    senders: [Vp8; 2],
}

impl Layered {
    pub fn new() -> Self {
        let describe = || Description::parse(b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n").unwrap();
        let publication = || {
            let path = StreamPath::parse("/a/b/c").unwrap();
            Arc::new(Publication::new(path, describe(), Manner::Once))
        };
        let whole = publication();
        let layers: Vec<_> = (0..2).map(|_| Arc::new(Layer::new(publication()))).collect();
        for (layer, (size, rate)) in layers.iter().zip([((320, 180), 200_000), ((640, 360), 800_000)]) {
            layer.set(LayerState {
                size: Some(size),
                bits_per_second: rate,
                is_sending: true,
            });
        }
        whole.set_layers(layers.clone());
        Self {
            whole,
            layers,
            senders: [Vp8::new(1, 320, 180), Vp8::new(2, 640, 360)],
        }
    }

    /// One moment, a tenth of a second: a picture of each layer.
    pub async fn moment(&mut self) {
        tokio::time::advance(Duration::from_millis(100)).await;
        // What the time has woken has its turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
        for (layer, sender) in self.layers.iter().zip(&mut self.senders) {
            let publication = &layer.publication;
            let asked = tokio::time::timeout(Duration::from_millis(60), publication.keyframes.due()).await;
            for packet in sender.picture(asked.is_ok(), 2) {
                publication.relay(0, Flow::Rtp, packet.payload);
            }
        }
    }
}
