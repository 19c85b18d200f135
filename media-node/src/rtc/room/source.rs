//! What a slot shows: a track of a publication, as a whole or one layer of it at a time.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use str0m::Rtc;
use str0m::media::{Mid, Pt};
use str0m::rtp::RtpWrite;

use super::super::offer::{Format, Kind};
use super::super::parameter_sets::ParameterSets;
use super::super::play::best;
use super::super::upright::turned;
use super::origins::{Origins, Peer};
use crate::hub::rtp::RtpHead;
use crate::hub::{Flow, Joined, Packet, Publication, rtp};
use crate::layers::{Numbered, Switch, Thinner, View, Wish};
use crate::stream::keyframe;

/// A source that is asked for a keyframe and sends none is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Source {
    /// Differs from one source of the slot to the next.
    pub(super) number: usize,
    /// What was found for the slot; what is played may be made of it.
    pub(super) found: Arc<Publication>,
    publication: Arc<Publication>,
    feed: Feed,
    sending: Sending,
}

enum Feed {
    Whole(Box<Whole>),
    Layers(Box<View>),
}

struct Whole {
    packets: Joined,
    queue_bytes: usize,
    in_order: bool,
    clock: Switch,
    codec: String,
    /// Something of it has been shown.
    has_begun: bool,
    /// When it was asked for one that can be shown.
    asked: Option<Duration>,
    thinner: Thinner,
}

/// How its packets are sent.
struct Sending {
    payload_type: Pt,
    kind: Kind,
    peer: Peer,
    /// What a browser needs in front of keyframes.
    sets: Option<ParameterSets>,
}

/// What has come of a source.
pub(in crate::rtc) struct Arrived {
    layer: usize,
    packet: Packet,
}

impl Arrived {
    /// How loud its sound is, in dBov, where it says so.
    pub(super) fn level(&self) -> Option<i8> {
        rtp::audio_level(&self.packet.payload).filter(|_| self.packet.flow == Flow::Rtp)
    }
}

/// Where packets go, numbered as one run whichever source they come from.
pub(super) struct Out<'a> {
    pub(super) rtc: &'a mut Rtc,
    pub(super) mid: Mid,
    pub(super) run: &'a mut Switch,
    pub(super) origins: &'a mut Origins,
    /// Since any moment.
    pub(super) now: Duration,
    /// What was sent is counted here.
    pub(super) bytes: &'a mut u64,
}

impl Source {
    /// `index`: the track. An error says for a person why it cannot be played by this medium.
    pub(super) fn begin(
        number: usize,
        found: Arc<Publication>,
        (publication, index): (Arc<Publication>, usize),
        kind: Kind,
        formats: &[Format],
        queue_bytes: usize,
    ) -> Result<Self, String> {
        let track = publication.description.tracks().get(index);
        let track = track.ok_or("there is no such track")?;
        let format = best(track, formats).and_then(|best| formats.get(best));
        let format = format.ok_or_else(|| {
            let codec = &track.codec;
            format!("the client does not take {codec}, in which this is published: it has to offer that, or the publisher another codec")
        })?;
        let peer = (found.path.channel.clone(), found.path.uid.clone());
        let view = match kind {
            Kind::Video => View::new(&publication, queue_bytes, 1),
            Kind::Audio => None,
        };
        let is_h264 = format.name == "H264" && view.is_none();
        let sets = ParameterSets::told(&track.parameters).filter(|_| is_h264);
        let feed = match view {
            Some(view) => Feed::Layers(Box::new(view)),
            None => {
                // What stands in front of keyframes takes numbers of its own, which leaves none for packets that come late. Either asks
                // for a keyframe.
                let in_order = sets.is_some();
                let packets = publication.join(index, queue_bytes, in_order);
                Feed::Whole(Box::new(Whole {
                    packets: packets.map_err(|error| format!("{error:?}"))?,
                    queue_bytes,
                    in_order,
                    clock: Switch::new(format.clock_rate, 1, 1),
                    codec: track.codec.clone(),
                    has_begun: false,
                    asked: None,
                    thinner: Thinner::new(format.name),
                }))
            }
        };
        let sending = Sending {
            payload_type: Pt::from(format.payload_type),
            kind,
            peer,
            sets,
        };
        Ok(Self {
            number,
            found,
            publication,
            feed,
            sending,
        })
    }

    /// `None` at its end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Arrived>> {
        match &mut self.feed {
            Feed::Whole(whole) => {
                let polled = whole.packets.poll_next(context);
                polled.map(|packet| packet.map(|packet| Arrived { layer: 0, packet }))
            }
            Feed::Layers(view) => {
                let polled = view.poll_next(context);
                polled.map(|packet| packet.map(|(layer, packet)| Arrived { layer, packet }))
            }
        }
    }

    /// What is there already.
    pub(super) fn try_next(&mut self) -> Option<Arrived> {
        std::future::poll_fn(|context| self.poll(context))
            .now_or_never()
            .flatten()
    }

    /// Sends what is to be sent of this, and says whether anything was: from its first keyframe on.
    pub(super) fn take(&mut self, arrived: &Arrived, out: &mut Out<'_>) -> bool {
        let Self {
            number,
            publication,
            feed,
            sending,
            ..
        } = self;
        let (now, mut has_sent) = (out.now, false);
        let mut each = |packet: &Packet, numbered: Numbered| {
            has_sent = true;
            sending.send(*number, packet, numbered, out);
        };
        match feed {
            Feed::Layers(view) => view.take(arrived.layer, &arrived.packet, now, each),
            Feed::Whole(whole) => {
                if let Some((packet, numbered)) = whole.take(&arrived.packet, publication, now) {
                    each(packet, numbered);
                }
            }
        }
        has_sent
    }

    /// Chooses the layer anew, where there are several.
    pub(super) fn look(&mut self, wish: Wish, now: Duration) {
        let Feed::Layers(view) = &mut self.feed else { return };
        view.set_wish(wish);
        if view.look(now).is_err() {
            // The layer that it has goes on.
            tracing::debug!(path = %self.publication.path, "a layer has as many players as it may have");
        }
    }

    /// The bits a second of the layer that is wished for, and of the one that is played; `None` where there is but one.
    pub(super) fn rates(&self) -> Option<(u64, u64)> {
        match &self.feed {
            Feed::Layers(view) => Some(view.rates()),
            Feed::Whole(_) => None,
        }
    }

    /// Those of the smallest layer.
    pub(super) fn least_rate(&self) -> Option<u64> {
        match &self.feed {
            Feed::Layers(view) => Some(view.least_rate()),
            Feed::Whole(_) => None,
        }
    }

    /// Whether some of its pictures can be left out; `None` where there is a smaller one instead.
    pub(super) fn has_spare(&self, now: Duration) -> Option<bool> {
        match &self.feed {
            Feed::Layers(_) => None,
            Feed::Whole(whole) => Some(whole.thinner.has_spare(now)),
        }
    }

    /// Sends fewer pictures, or all again.
    pub(super) fn thin(&mut self, thins: bool) {
        if let Feed::Whole(whole) = &mut self.feed
            && whole.thinner.thin(thins)
        {
            whole.ask(&self.publication);
        }
    }

    pub(super) fn ask_for_keyframe(&mut self) {
        match &mut self.feed {
            Feed::Layers(view) => view.ask(),
            Feed::Whole(whole) => whole.ask(&self.publication),
        }
    }
}

impl Whole {
    /// Another keyframe is on its way then, or will come.
    fn ask(&mut self, publication: &Publication) {
        if let Some(anew) = publication.join_anew(&self.packets, self.queue_bytes, self.in_order) {
            self.packets = anew;
            self.clock.pass_over();
        } else {
            publication.keyframes.ask();
        }
    }

    /// The packet with its number by the publisher's clock, if it is one that can be shown.
    fn take<'a>(
        &mut self,
        packet: &'a Packet,
        publication: &Publication,
        now: Duration,
    ) -> Option<(&'a Packet, Numbered)> {
        if packet.flow == Flow::Rtcp {
            self.clock.report(0, &packet.payload);
            return None;
        }
        let (head, payload) = (rtp::rtp_head(&packet.payload)?, rtp::payload(&packet.payload)?);
        let is_left_out = self.thinner.leaves_out(head.timestamp, payload, now);
        if !self.has_begun && !keyframe::begins(&self.codec, payload) {
            let asked = *self.asked.get_or_insert(now);
            if now.saturating_sub(asked) >= ASK_AGAIN {
                publication.keyframes.ask();
                self.asked = Some(now);
            }
            return None;
        }
        self.has_begun = true;
        if is_left_out {
            self.clock.leave_out(0, head);
            return None;
        }
        let numbered = self.clock.take(0, head, rtp::is_marked(&packet.payload), now)?;
        Some((packet, numbered))
    }
}

impl Sending {
    fn send(&mut self, source: usize, packet: &Packet, numbered: Numbered, out: &mut Out<'_>) {
        let Some(payload) = rtp::payload(&packet.payload) else {
            return;
        };
        let head = RtpHead {
            sequence: numbered.sequence as u16,
            timestamp: numbered.timestamp,
            ssrc: 0,
        };
        let is_marked = rtp::is_marked(&packet.payload);
        let is_video = self.kind == Kind::Video;
        let ahead = self.sets.as_mut();
        let ahead = ahead.and_then(|sets| sets.ahead_of(numbered.timestamp, payload));
        // Each packet of sound is whole.
        let Some(told) = out.run.take(source, head, is_marked || !is_video, out.now) else {
            return;
        };
        let now = Instant::now();
        let taken = numbered.sent.map(|sent| out.origins.time(&self.peer, sent, now));
        let mut api = out.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(out.mid, None) else {
            return;
        };
        let turn = rtp::turn(&packet.payload);
        let mut write = |number: u64, payload: &[u8], is_marked: bool| {
            *out.bytes += payload.len() as u64;
            let write = RtpWrite::new(
                self.payload_type,
                number.into(),
                told.timestamp,
                taken.unwrap_or(now),
                payload,
            );
            let write = write.ext_vals(turned(turn.filter(|_| is_marked)));
            stream.write_rtp(write.marker(is_marked).nackable(is_video));
        };
        match ahead {
            Some(sets) => {
                write(told.sequence, sets, false);
                write(out.run.insert(), payload, is_marked);
            }
            None => write(told.sequence, payload, is_marked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Gate, Keys, Passes};
    use crate::channel::{Limits as ChannelLimits, Registry, StreamPath};
    use crate::hub::{Description, Hub, Limits};
    use crate::rtc::offer::Offer;
    use crate::rtc::offer::tests::CHROMIUM;

    const NOW: Duration = Duration::from_secs(9);
    const KEYFRAME: bool = true;
    const OTHER: bool = false;

    #[tokio::test]
    async fn fewer_pictures_have_no_gaps_and_all_come_again_from_a_keyframe_on() {
        let registry = Registry::new(ChannelLimits::default(), 0);
        let gate = Arc::new(Gate::new(Keys::default(), Passes::default()));
        let hub = Arc::new(Hub::new(registry, gate, "rtsp://h:1".to_owned(), Limits::default()));
        let described = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
        let description = Description::parse(described.as_bytes()).unwrap();
        let path = StreamPath::parse("/a/room/u").unwrap();
        let published = hub.publish(&path, description, 0).unwrap();
        let offer = Offer::parse(CHROMIUM).unwrap();
        let mut sections = offer.sections.iter();
        let formats = sections.find(|section| section.kind == Kind::Video).unwrap().formats();
        let found = published.publication.clone();
        let begun = Source::begin(1, found.clone(), (found, 0), Kind::Video, &formats, 1 << 20);
        let mut source = begun.unwrap();
        let mut number = 0_u16;
        // The number by which a picture of this temporal layer is sent on.
        let mut sent = |source: &mut Source, layer: u8, is_keyframe: bool| {
            number += 1;
            let mut packet = vec![0x80, 0xe0];
            packet.extend(number.to_be_bytes());
            packet.extend((u32::from(number) * 3_000).to_be_bytes());
            packet.extend([0, 0, 0, 9, 0x90, 0x20, layer << 6, u8::from(!is_keyframe), 0]);
            published.publication.relay(0, Flow::Rtp, packet.into());
            let arrived = source.try_next().unwrap();
            let Feed::Whole(whole) = &mut source.feed else {
                panic!("it has one size")
            };
            let taken = whole.take(&arrived.packet, &source.publication, NOW);
            taken.map(|(_, numbered)| numbered.sequence)
        };
        assert_eq!(sent(&mut source, 1, OTHER), None, "nothing can be shown yet");
        let begun = [(0, KEYFRAME), (1, OTHER), (0, OTHER)];
        let begun = begun.map(|(layer, keyframe)| sent(&mut source, layer, keyframe));
        assert_eq!(begun, [Some(1), Some(2), Some(3)]);
        assert_eq!(source.has_spare(NOW), Some(true));
        source.thin(true);
        let thin = [1, 0, 1, 0].map(|layer| sent(&mut source, layer, OTHER));
        assert_eq!(thin, [None, Some(4), None, Some(5)]);
        source.thin(false);
        let whole = [(1, OTHER), (0, OTHER), (0, KEYFRAME), (1, OTHER)];
        let whole = whole.map(|(layer, keyframe)| sent(&mut source, layer, keyframe));
        assert_eq!(whole, [None, Some(6), Some(7), Some(8)]);
    }
}
