//! What is kept of one track for players who come in the middle: the packets since its last keyframe, as those get them who want them in
//! order, and as those do who take them as they come. Where a keyframe comes when it is asked for, nothing is: that costs less.

use bytes::Bytes;

use super::group::{Group, Kept};
use super::keyframes::Keyframes;
use super::rtp::{self, RtpHead};
use crate::stream::keyframe;

/// See the module.
pub struct Groups {
    codec: String,
    ordered: Group,
    fast: Group,
    /// The timestamp of the last keyframe.
    keyframe: Option<u32>,
}

impl Groups {
    /// Of a track in this codec; `None` where nothing is known of its keyframes.
    pub fn new(codec: &str, kept: &Kept) -> Option<Self> {
        keyframe::has_keyframe(codec, &[])?;
        Some(Self {
            codec: codec.to_owned(),
            ordered: Group::new(kept.clone()),
            fast: Group::new(kept.clone()),
            keyframe: None,
        })
    }

    /// Packets have come.
    pub fn come(&mut self, packets: &[Bytes], keyframes: &Keyframes) {
        let is_kept = !keyframes.are_answered();
        for packet in packets {
            let Some(head) = rtp::rtp_head(packet) else { continue };
            let has_keyframe = self.has_keyframe(packet);
            if has_keyframe && self.keyframe.replace(head.timestamp) != Some(head.timestamp) {
                keyframes.came();
            }
            self.fast.take(packet, head, has_keyframe, is_kept);
        }
    }

    /// A packet is handed on behind those before it.
    pub fn in_order(&mut self, packet: &Bytes, head: RtpHead, keyframes: &Keyframes) {
        let is_kept = !keyframes.are_answered();
        let has_keyframe = is_kept && self.has_keyframe(packet);
        self.ordered.take(packet, head, has_keyframe, is_kept);
    }

    /// The packets since the last keyframe.
    pub fn packets(&self, in_order: bool) -> &[Bytes] {
        if in_order {
            self.ordered.packets()
        } else {
            self.fast.packets()
        }
    }

    /// Something is missing.
    pub fn forget(&mut self) {
        self.ordered.forget();
        self.fast.forget();
    }

    fn has_keyframe(&self, packet: &[u8]) -> bool {
        let payload = rtp::payload(packet).unwrap_or_default();
        keyframe::has_keyframe(&self.codec, payload).unwrap_or_default()
    }
}
