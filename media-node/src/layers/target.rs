use std::sync::Arc;

use bytes::BytesMut;

use super::switch::Numbered;
use crate::hub::{Flow, Packet, Publication, rtp};

/// A stream that is made of layers, as one source.
pub struct Target {
    pub publication: Arc<Publication>,
    track: usize,
    ssrc: Option<u32>,
}

impl Target {
    pub fn new(publication: Arc<Publication>, track: usize) -> Self {
        Self {
            publication,
            track,
            ssrc: None,
        }
    }

    /// Hands on a layer's packet by this name.
    pub fn send(&mut self, packet: &Packet, numbered: Numbered) {
        let Some(head) = rtp::rtp_head(&packet.payload) else {
            return;
        };
        let ssrc = *self.ssrc.get_or_insert(head.ssrc);
        let mut told = BytesMut::from(packet.payload.as_ref());
        rtp::rename(&mut told, numbered.sequence as u16, ssrc);
        rtp::retime(&mut told, numbered.timestamp);
        self.publication.relay(self.track, Flow::Rtp, told.freeze());
    }

    /// Hands on what the layer's sender reports, by the time that is told.
    pub fn report(&self, told: Option<Vec<u8>>) {
        let Some((told, ssrc)) = told.zip(self.ssrc) else {
            return;
        };
        let reporter = told.get(4..).and_then(<[u8]>::first_chunk);
        let reporter = reporter.map(|reporter| u32::from_be_bytes(*reporter));
        let renamed = match reporter {
            Some(reporter) if reporter != ssrc => rtp::with_reporter(&told, reporter, ssrc),
            _ => Some(told),
        };
        if let Some(report) = renamed {
            self.publication.relay(self.track, Flow::Rtcp, report.into());
        }
    }
}
