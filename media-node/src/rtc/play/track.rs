use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{Mid, Pt};
use str0m::rtp::RtpWrite;

use super::super::offer::{Format, Kind, Section};
use super::super::parameter_sets::ParameterSets;
use super::super::upright::turned;
use super::strain::Relief;
use crate::hub::{Flow, Joined, Packet, Publication, SubscribeError, rtp};
use crate::layers::{Entering, Numbered, Switch, Thinner};
use crate::stream::Quarters;

/// The number of a track's first packet.
pub(super) const FIRST_NUMBER: u64 = 1;

/// What the publisher's clock said at a moment.
#[derive(Clone, Copy, Debug)]
pub(in crate::rtc) struct Origin {
    pub(in crate::rtc) at: Instant,
    pub(in crate::rtc) sent: Duration,
}

/// One track of a player.
pub(super) struct Track {
    /// Where it comes from,
    pub(super) publication: Arc<Publication>,
    /// and the track there.
    pub(super) index: usize,
    pub(super) kind: Kind,
    /// What comes of it, once it plays; nothing of a picture in layers, which comes by a view.
    pub(super) packets: Option<Joined>,
    mid: Mid,
    payload_type: Pt,
    switch: Switch,
    /// What a browser needs in front of keyframes.
    sets: Option<ParameterSets>,
    clock_rate: u32,
    pause: Pause,
    thinner: Thinner,
}

/// Whether a track is sent.
enum Pause {
    Plays,
    Pauses,
    /// It goes on with the next keyframe.
    Enters(Box<Entering>),
}

impl Track {
    /// `None` where the publication has no such track.
    pub(super) fn new(
        publication: &Arc<Publication>,
        index: usize,
        section: &Section,
        format: &Format,
    ) -> Option<Self> {
        let known = publication.description.tracks().get(index)?;
        Some(Self {
            publication: publication.clone(),
            index,
            kind: section.kind,
            packets: None,
            mid: Mid::from(section.mid.as_str()),
            payload_type: Pt::from(format.payload_type),
            switch: Switch::new(format.clock_rate, 1, FIRST_NUMBER),
            sets: ParameterSets::told(&known.parameters).filter(|_| format.name == "H264"),
            clock_rate: format.clock_rate,
            pause: Pause::Plays,
            thinner: Thinner::new(format.name),
        })
    }

    /// Begins to play, with its last keyframe or the next one.
    pub(super) fn begin(&mut self, queue_bytes: usize) -> Result<(), SubscribeError> {
        // What stands in front of keyframes takes numbers of its own.
        let in_order = self.sets.is_some();
        self.packets = Some(self.publication.join(self.index, queue_bytes, in_order)?);
        Ok(())
    }

    /// The player misses a picture: another keyframe is on its way to it then, or will come.
    pub(super) fn ask(&mut self, queue_bytes: usize) {
        let in_order = self.sets.is_some();
        let former = self.packets.as_ref();
        if let Some(anew) = former.and_then(|former| self.publication.join_anew(former, queue_bytes, in_order)) {
            self.packets = Some(anew);
            self.switch.pass_over();
        } else {
            self.publication.keyframes.ask();
        }
    }

    /// Whether some of its pictures can be left out.
    pub(super) fn has_spare(&self, now: Duration) -> bool {
        self.thinner.has_spare(now)
    }

    /// Sends fewer pictures, or none, or all again.
    pub(super) fn relieve(&mut self, relief: Relief, queue_bytes: usize) {
        if relief == Relief::Sound {
            self.pause = Pause::Pauses;
            return;
        }
        let has_thinned = self.thinner.thin(relief == Relief::Fewer);
        let has_paused = self.go_on();
        if has_paused || has_thinned {
            self.ask(queue_bytes);
        }
    }

    /// Goes on with a keyframe. Answers whether it had paused.
    fn go_on(&mut self) -> bool {
        let has_paused = matches!(self.pause, Pause::Pauses);
        if has_paused {
            let track = self.publication.description.tracks().get(self.index);
            let entering = track.and_then(|track| Entering::new(track, self.clock_rate));
            self.switch.pass_over();
            self.pause = entering.map_or(Pause::Plays, |entering| Pause::Enters(Box::new(entering)));
        }
        has_paused
    }

    pub(super) fn is_of(&self, mid: Mid) -> bool {
        self.mid == mid
    }

    /// The next packet of the publication. `now`: since any moment.
    pub(super) fn take(&mut self, packet: &Packet, now: Duration, origin: Option<Origin>, rtc: &mut Rtc) {
        if packet.flow == Flow::Rtcp {
            self.switch.report(0, &packet.payload);
            return;
        }
        match &mut self.pause {
            Pause::Plays => self.send(packet, now, origin, rtc),
            Pause::Pauses => {
                // What can be left out is known once it goes on.
                let (head, payload) = (rtp::rtp_head(&packet.payload), rtp::payload(&packet.payload));
                if let (Some(head), Some(payload)) = (head, payload) {
                    self.thinner.is_spare(head.timestamp, payload, now);
                }
            }
            Pause::Enters(entering) => {
                if let Some(entered) = entering.take(packet, now) {
                    self.pause = Pause::Plays;
                    for packet in &entered {
                        self.send(packet, now, origin, rtc);
                    }
                }
            }
        }
    }

    fn send(&mut self, packet: &Packet, now: Duration, origin: Option<Origin>, rtc: &mut Rtc) {
        let (Some(head), Some(payload)) = (rtp::rtp_head(&packet.payload), rtp::payload(&packet.payload)) else {
            return;
        };
        if self.kind == Kind::Video && self.thinner.leaves_out(head.timestamp, payload, now) {
            self.switch.leave_out(0, head);
            return;
        }
        let numbered = self.switch.take(0, head, rtp::is_marked(&packet.payload), now);
        let Some(mut numbered) = numbered else { return };
        let sets = self.sets.as_mut();
        if let Some(sets) = sets.and_then(|sets| sets.ahead_of(head.timestamp, payload)) {
            let sets = Sent {
                payload: sets,
                is_marked: false,
                turn: None,
            };
            send(rtc, (self.mid, self.payload_type, self.kind), sets, numbered, origin);
            numbered.sequence = self.switch.insert();
        }
        self.write(packet, numbered, origin, rtc);
    }

    /// Sends a packet under this number.
    pub(super) fn write(&self, packet: &Packet, numbered: Numbered, origin: Option<Origin>, rtc: &mut Rtc) {
        if let Some(payload) = rtp::payload(&packet.payload) {
            let to = (self.mid, self.payload_type, self.kind);
            let sent = Sent {
                payload,
                is_marked: rtp::is_marked(&packet.payload),
                turn: rtp::turn(&packet.payload),
            };
            send(rtc, to, sent, numbered, origin);
        }
    }
}

/// A packet that is sent.
struct Sent<'a> {
    payload: &'a [u8],
    is_marked: bool,
    /// How its picture has to be turned, for clients who do that.
    turn: Option<Quarters>,
}

fn send(
    rtc: &mut Rtc,
    (mid, payload_type, kind): (Mid, Pt, Kind),
    sent: Sent<'_>,
    numbered: Numbered,
    origin: Option<Origin>,
) {
    let now = Instant::now();
    let Sent {
        payload,
        is_marked,
        turn,
    } = sent;
    let taken = numbered.sent.zip(origin).and_then(|(sent, origin)| origin.time(sent));
    let mut api = rtc.direct_api();
    let Some(stream) = api.stream_tx_by_mid(mid, None) else {
        return;
    };
    let write = RtpWrite::new(
        payload_type,
        numbered.sequence.into(),
        numbered.timestamp,
        taken.unwrap_or(now),
        payload,
    );
    let write = write.ext_vals(turned(turn));
    stream.write_rtp(write.marker(is_marked).nackable(kind == Kind::Video));
}

impl Origin {
    /// When the publisher's clock said that, by this machine's.
    pub(in crate::rtc) fn time(self, sent: Duration) -> Option<Instant> {
        match sent.checked_sub(self.sent) {
            Some(later) => self.at.checked_add(later),
            None => self.at.checked_sub(self.sent.saturating_sub(sent)),
        }
    }
}
