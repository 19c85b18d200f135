//! One track of a source: what comes of it, put right for the client, and what the source is told of it.

use bytes::{Bytes, BytesMut};

use super::feedback::Feedback;
use crate::hub::{Flow, Inflow, LeftOut, rtp};
use crate::rtsp::wire::put_interleaved;

/// How often the client is told that packets are left out.
const TOLD_EVERY_MS: u64 = 5_000;

/// Where a packet of the source came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Channel(u8),
    /// By its number.
    Pair(usize, Flow),
}

/// A track by the places of its packets, for RTP and for RTCP; for the client they are channels, of which the first is even.
pub(super) struct Track {
    source: (Place, Place),
    client: (u8, u8),
    inflow: Inflow,
    feedback: Option<Feedback>,
    /// Something has come at the place of its packets.
    heard: bool,
    /// When the client was told last that packets are left out.
    told_ms: Option<u64>,
}

/// What is to be sent.
#[derive(Default)]
pub(super) struct Out {
    pub(super) client: BytesMut,
    pub(super) source: BytesMut,
    /// Reports for the source, by the number of the pair of ports from which they go.
    pub(super) reports: Vec<(usize, Vec<u8>)>,
    /// The ports from which the source sends to a pair of this machine, once it has told them.
    pub(super) met: Vec<(usize, (u16, u16))>,
}

impl Track {
    pub(super) fn new(source: (Place, Place), client: (u8, u8), feedback: Option<Feedback>) -> Self {
        Self {
            source,
            client,
            inflow: Inflow::default(),
            feedback,
            heard: false,
            told_ms: None,
        }
    }

    /// Whether its packets, or reports of them, come there.
    pub(super) fn is_at(&self, place: Place) -> bool {
        self.source.0 == place || self.source.1 == place
    }

    pub(super) fn client(&self) -> (u8, u8) {
        self.client
    }

    /// What came at one of its places.
    pub(super) fn take(&mut self, place: Place, payload: Bytes, now_ms: u64, out: &mut Out) {
        if place == self.source.0 {
            if let Some(feedback) = &mut self.feedback {
                feedback.packet(&payload, now_ms);
            }
            self.heard = true;
            let unreadable = self.inflow.unreadable();
            self.inflow_of(now_ms, out, |inflow, due| {
                inflow.take(payload, now_ms, due);
            });
            if self.inflow.unreadable() > unreadable {
                self.tell(LeftOut::NoRtp, now_ms, out);
            }
        } else if rtp::is_compound(&payload) {
            if let Some(feedback) = &mut self.feedback {
                feedback.report(&payload, now_ms);
            }
            put(out, self.client.1, &[self.inflow.report(payload)]);
        }
    }

    /// A packet has come where no track is.
    pub(super) fn stray(&mut self, now_ms: u64, out: &mut Out) {
        if !self.heard {
            self.tell(LeftOut::OtherChannels, now_ms, out);
        }
    }

    fn tell(&mut self, left_out: LeftOut, now_ms: u64, out: &mut Out) {
        let is_early = |told_ms: u64| now_ms.saturating_sub(told_ms) < TOLD_EVERY_MS;
        if !self.told_ms.is_some_and(is_early) {
            self.told_ms = Some(now_ms);
            put(out, self.client.1, &[left_out.told_by(0)]);
        }
    }

    /// Time passes.
    pub(super) fn release(&mut self, now_ms: u64, out: &mut Out) {
        self.inflow_of(now_ms, out, |inflow, due| inflow.release(now_ms, due));
    }

    /// The client cannot show pictures before the next keyframe.
    pub(super) fn want_keyframe(&mut self, now_ms: u64, out: &mut Out) {
        if let Some(feedback) = &mut self.feedback {
            feedback.want_keyframe();
        }
        self.release(now_ms, out);
    }

    /// Hands on what the inflow gives, and tells the source what it should know of that.
    fn inflow_of(&mut self, now_ms: u64, out: &mut Out, work: impl FnOnce(&mut Inflow, &mut Vec<Bytes>)) {
        let (mut due, lost) = (Vec::new(), self.inflow.lost());
        work(&mut self.inflow, &mut due);
        put(out, self.client.0, &due);
        let Some(feedback) = &mut self.feedback else { return };
        if self.inflow.lost() > lost {
            feedback.want_keyframe();
        }
        let Some(told) = feedback.due(now_ms) else { return };
        match self.source.1 {
            Place::Channel(channel) => drop(put_interleaved(&mut out.source, channel, &told)),
            Place::Pair(pair, _) => out.reports.push((pair, told)),
        }
    }
}

fn put(out: &mut Out, channel: u8, packets: &[Bytes]) {
    for packet in packets {
        // They came framed, and are no longer now.
        put_interleaved(&mut out.client, channel, packet);
    }
}
