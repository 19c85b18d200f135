//! What a peer gets: the sources that its slots show, as the edge maps them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use protocol::RoomSlot;
use str0m::bwe::{Bitrate, BweKind};
use str0m::{Event, Rtc};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::super::offer::{Format, Kind, Offer, Section};
use super::super::play::{FIRST_ESTIMATE_BPS, HEADROOM_PERCENT, LOOK_EVERY, Relief, Strain};
use super::origins::{Origins, Peer};
use super::pairs::paired;
use super::ration::{Guess, Picture, ration};
use super::roll::Presence;
use super::seek::Found;
use super::slot::{Come, Means, Slot};
use super::wish::Wish;
use crate::channel::StreamPath;

/// Slots of one connection: more than anybody looks at.
const MAX_SLOTS: usize = 128;

/// Between two pictures that have paused and are sent again.
const APART: Duration = Duration::from_secs(2);

/// A connection that only receives.
pub(in crate::rtc) struct PeerPlaying {
    presence: Presence,
    /// As far as it is one.
    path: StreamPath,
    queue_bytes: usize,
    slots: Vec<Slot>,
    /// Where what was found goes to, and comes from.
    find: mpsc::Sender<Found>,
    found: mpsc::Receiver<Found>,
    /// The slot that is looked at first: each has its turn.
    first: usize,
    /// Whether the client tells what arrives.
    is_measured: bool,
    /// What the way carries, in bits a second, as far as that is known.
    estimate: Option<u64>,
    /// Whether more is lost than that the pictures could go on as they are,
    strain: Strain,
    /// what is done then,
    relief: Relief,
    /// and what is supposed then where nobody measures.
    guess: Guess,
    /// It is taken to carry so much at least, if it is not strained,
    min_bitrate: u64,
    /// and each peer may send so much.
    max_bitrate: u64,
    looks: Interval,
    began: Instant,
    origins: Origins,
    /// Pictures that the way does not carry,
    paused: usize,
    /// and when one was sent again last.
    begun: Option<Duration>,
    ended: CancellationToken,
}

/// What a subscribing connection has to do.
pub(in crate::rtc) enum PlayStep {
    Begin(Found),
    Send(usize, Come),
    /// It is time to see which layers fit.
    Look,
}

impl PeerPlaying {
    /// `bitrates`: what the way is taken to carry at least, and what each peer may send, in bits a second.
    pub(in crate::rtc) fn new(presence: Presence, queue_bytes: usize, bitrates: (u64, u64)) -> Self {
        let (min_bitrate, max_bitrate) = bitrates;
        let (find, found) = mpsc::channel(MAX_SLOTS);
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            path: presence.path(),
            presence,
            queue_bytes,
            slots: Vec::new(),
            find,
            found,
            first: 0,
            is_measured: false,
            estimate: None,
            strain: Strain::default(),
            guess: Guess::default(),
            min_bitrate,
            max_bitrate,
            relief: Relief::Nothing,
            looks,
            began: Instant::now(),
            origins: Origins::default(),
            paused: 0,
            begun: None,
            ended: CancellationToken::new(),
        }
    }

    pub(in crate::rtc) fn path(&self) -> &StreamPath {
        &self.path
    }

    pub(in crate::rtc) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Takes in which media the client has: those that it receives are slots.
    pub(in crate::rtc) fn renew(&mut self, offer: &Offer) {
        let received = || offer.sections.iter().filter(|section| section.receives);
        self.slots
            .retain(|slot| received().any(|section| section.mid == slot.mid));
        let told = |section: &Section| {
            let tells = |format: &Format| section.tells_arrivals(format);
            section.kind == Kind::Video && section.formats().iter().any(tells)
        };
        self.is_measured = received().any(told);
        for section in received() {
            if self.slots.len() < MAX_SLOTS && !self.slots.iter().any(|slot| slot.mid == section.mid) {
                self.slots.push(Slot::new(section));
            }
        }
    }

    /// The answer that the client gets.
    pub(in crate::rtc) fn paired(answer: &str) -> String {
        paired(answer)
    }

    /// What its way is taken to carry before that is measured, in bits a second; `None` where it cannot be. One peer may send so
    /// much, and the first pictures of all come at once.
    pub(in crate::rtc) fn first_estimate(&self) -> Option<u64> {
        self.is_measured.then_some(self.max_bitrate.max(FIRST_ESTIMATE_BPS))
    }

    pub(in crate::rtc) fn connected(&mut self) {
        self.presence.connected();
        // By another network what is shown begins anew.
        self.slots.iter_mut().for_each(Slot::ask_for_keyframe);
    }

    pub(in crate::rtc) fn wish(&mut self, wish: Wish) {
        if let Wish::Slots(map) = wish {
            self.map(map);
        }
    }

    fn map(&mut self, map: BTreeMap<String, Option<RoomSlot>>) {
        for (mid, wish) in map {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == mid) {
                slot.set(wish, &self.presence.roll.commons, &self.presence.key.app, &self.find);
            }
        }
    }

    /// The next thing to do. Dropping the future loses nothing.
    pub(in crate::rtc) async fn step(&mut self) -> PlayStep {
        let Self {
            slots,
            found,
            first,
            looks,
            ..
        } = self;
        poll_fn(|context| {
            // It cannot end: this side keeps a sender.
            if let Poll::Ready(Some(found)) = found.poll_recv(context) {
                return Poll::Ready(PlayStep::Begin(found));
            }
            if looks.poll_tick(context).is_ready() {
                return Poll::Ready(PlayStep::Look);
            }
            let count = slots.len();
            for turn in 0..count {
                let index = (*first + turn) % count;
                if let Some(slot) = slots.get_mut(index)
                    && let Poll::Ready(come) = slot.poll(context)
                {
                    *first = index + 1;
                    return Poll::Ready(PlayStep::Send(index, come));
                }
            }
            Poll::Pending
        })
        .await
    }

    pub(in crate::rtc) fn take(&mut self, step: PlayStep, rtc: &mut Rtc) {
        match step {
            PlayStep::Begin(found) => {
                let now = self.began.elapsed();
                let means = means(&self.presence, self.queue_bytes);
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == found.slot)
                    && let Err(reason) = slot.found(found, means, now)
                {
                    let (path, mid) = (&self.path, &slot.mid);
                    tracing::info!(%path, mid, reason, "a slot stays empty");
                    self.presence
                        .roll
                        .commons
                        .news
                        .unshown(&self.presence.key, mid, &reason);
                }
            }
            PlayStep::Send(index, come) => {
                let now = self.began.elapsed();
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.take(come, rtc, &mut self.origins, now);
                }
            }
            PlayStep::Look => self.look(rtc),
        }
    }

    /// Sends fewer pictures of each where more is lost than that they could go on as they are, or all again.
    fn relieve(&mut self, now: Duration) {
        let mut spare = self.slots.iter().filter_map(|slot| slot.has_spare(now)).peekable();
        // Who gets pictures alone has nothing else that would be better without them.
        let matters = self.slots.iter().any(Slot::is_heard);
        let has_spare = spare.peek().is_some() && spare.all(|has_spare| has_spare);
        let relief = match matters {
            true => self.strain.relief(has_spare, now),
            false => Relief::Nothing,
        };
        // Where that is not enough, some pause, and not all.
        let thins = relief != Relief::Nothing;
        self.slots.iter_mut().for_each(|slot| slot.thin(thins));
        if relief != std::mem::replace(&mut self.relief, relief) {
            tracing::info!(path = %self.path, ?relief, "a peer's way does not carry the pictures, or does again");
        }
    }

    fn look(&mut self, rtc: &mut Rtc) {
        let now = self.began.elapsed();
        self.relieve(now);
        let sound: u64 = self.slots.iter().map(Slot::sound).sum();
        let speakers: Vec<Peer> = self.slots.iter().filter_map(|slot| slot.speaker(now)).collect();
        let pictures: Vec<Option<Picture>> = self.slots.iter().map(|slot| slot.picture(&speakers, now)).collect();
        let carried = self.carried(now).map(|carried| carried.saturating_sub(sound));
        let wanted = |picture: &Picture| Picture {
            wanted: with_headroom(picture.wanted),
            ..*picture
        };
        let shares = carried.map(|carried| {
            let pictures: Vec<Picture> = pictures.iter().flatten().map(wanted).collect();
            ration(carried, &pictures)
        });
        let mut shares = shares.map(Vec::into_iter);
        let means = means(&self.presence, self.queue_bytes);
        for (slot, picture) in self.slots.iter_mut().zip(&pictures) {
            let share = picture.and_then(|_| shares.as_mut()?.next());
            // One at a time, so that it is seen what that does to the way.
            let may_begin = self.begun.is_none_or(|begun| now.saturating_sub(begun) >= APART);
            if slot.spare(share == Some(None), may_begin, means, now) {
                self.begun = Some(now);
            }
            slot.look(share.map(Option::unwrap_or_default), now);
        }
        self.notes_pauses();
        if self.is_measured {
            measure(sound, &pictures, rtc);
        }
    }

    /// What the way carries, in bits a second, as far as something says so.
    fn carried(&mut self, now: Duration) -> Option<u64> {
        let is_strained = self.relief == Relief::Sound;
        let sent = self.slots.iter().map(Slot::sent).sum();
        let guess = self.guess.take(is_strained, self.strain.is_lost(), sent, now);
        match self.estimate {
            Some(estimate) if is_strained => Some(guess.map_or(estimate, |guess| guess.min(estimate))),
            Some(estimate) => Some(estimate.max(self.min_bitrate)),
            None => guess,
        }
    }

    fn notes_pauses(&mut self) {
        let paused = self.slots.iter().filter(|slot| slot.is_paused()).count();
        if paused != std::mem::replace(&mut self.paused, paused) {
            let path = &self.path;
            tracing::info!(%path, paused, "pictures pause for a peer, or go on: its way does not carry them, or does again");
        }
    }

    /// Whether pictures pause because the way does not carry them.
    pub(in crate::rtc) fn is_paused(&self) -> bool {
        self.paused > 0
    }

    pub(in crate::rtc) fn event(&mut self, event: &Event) {
        match event {
            Event::KeyframeRequest(request) => {
                let mid = request.mid.to_string();
                let asking = self.slots.iter_mut().filter(|slot| slot.mid == mid);
                asking.for_each(Slot::ask_for_keyframe);
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => self.estimate = Some(estimate.as_u64()),
            Event::MediaEgressStats(stats) => {
                let mid = stats.mid.to_string();
                if let Some(slot) = self.slots.iter().find(|slot| slot.mid == mid) {
                    let now = self.began.elapsed();
                    self.strain.told(slot.media(), stats.loss, stats.rtt, now);
                }
            }
            _ => {}
        }
    }

    /// Says for a person why it ends.
    pub(in crate::rtc) fn ends(&mut self, why: String) {
        self.presence.ends(why);
    }
}

fn means(presence: &Presence, queue_bytes: usize) -> Means<'_> {
    Means {
        queue_bytes,
        transcoding: &presence.roll.commons.transcoding,
    }
}

/// Says what the way is to be tried for.
fn measure(sound: u64, pictures: &[Option<Picture>], rtc: &mut Rtc) {
    let pictures = || pictures.iter().flatten();
    let wanted = pictures()
        .map(|picture| picture.wanted)
        .fold(sound, u64::saturating_add);
    let sent = pictures().map(|picture| picture.sent).fold(sound, u64::saturating_add);
    let with_headroom = with_headroom(wanted);
    // Padding in the place of larger layers shows whether those would fit.
    let sustained = if sent < wanted { with_headroom } else { 0 };
    rtc.bwe()
        .set_bitrate(Bitrate::from(sustained), Bitrate::from(with_headroom));
}

/// A larger layer is taken when it fits with room to spare.
fn with_headroom(rate: u64) -> u64 {
    rate.saturating_mul(HEADROOM_PERCENT) / 100
}
