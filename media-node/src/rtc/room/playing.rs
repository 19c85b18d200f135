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
use super::origins::Origins;
use super::roll::Presence;
use super::seek::Found;
use super::share::{Need, share};
use super::slot::{Come, Slot};
use super::wish::Wish;
use crate::channel::StreamPath;

/// Slots of one connection: more than anybody looks at.
const MAX_SLOTS: usize = 128;

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
    /// It is taken to carry so much at least,
    min_bitrate: u64,
    /// and each peer may send so much.
    max_bitrate: u64,
    /// Whether the way carries the pictures that have no smaller ones.
    strain: Strain,
    relief: Relief,
    looks: Interval,
    began: Instant,
    origins: Origins,
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
            min_bitrate,
            max_bitrate,
            strain: Strain::default(),
            relief: Relief::Nothing,
            looks,
            began: Instant::now(),
            origins: Origins::default(),
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
                let (transcoding, now) = (&self.presence.roll.commons.transcoding, self.began.elapsed());
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == found.slot) {
                    slot.found(found, self.queue_bytes, transcoding, now);
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

    /// Whether it gets the sound alone, since the way to it does not carry the pictures.
    pub(in crate::rtc) fn is_paused(&self) -> bool {
        self.relief == Relief::Sound
    }

    /// Sends fewer pictures or none, or all again, as the way to the client is.
    fn spare(&mut self, now: Duration) {
        let mut spare = self.slots.iter().filter_map(|slot| slot.has_spare(now)).peekable();
        // Who gets pictures alone has nothing else that would be better without them.
        let matters = spare.peek().is_some() && self.slots.iter().any(Slot::is_heard);
        let has_spare = spare.all(|has_spare| has_spare);
        let relief = match matters {
            true => self.strain.relief(has_spare, now),
            false => Relief::Nothing,
        };
        self.slots.iter_mut().for_each(|slot| slot.relieve(relief));
        if relief != std::mem::replace(&mut self.relief, relief) {
            tracing::info!(path = %self.path, ?relief, "a peer's way does not carry the pictures, or does again");
        }
    }

    fn look(&mut self, rtc: &mut Rtc) {
        let now = self.began.elapsed();
        self.spare(now);
        let fixed: u64 = self.slots.iter().map(Slot::fixed).sum();
        let need = |slot: &Slot| {
            let (wanted, weight) = slot.need()?;
            let wanted = with_headroom(wanted);
            Some(Need { wanted, weight })
        };
        let needs: Vec<Option<Need>> = self.slots.iter().map(need).collect();
        let left = self
            .estimate
            .map(|estimate| estimate.max(self.min_bitrate).saturating_sub(fixed));
        let shares = left.map(|left| share(left, &needs.iter().flatten().copied().collect::<Vec<_>>()));
        let mut shares = shares.map(Vec::into_iter);
        for (slot, need) in self.slots.iter_mut().zip(&needs) {
            let carried = need.and_then(|_| shares.as_mut()?.next());
            slot.look(carried, now);
        }
        if self.is_measured {
            self.measure(fixed, rtc);
        }
    }

    /// Says what the way is to be tried for.
    fn measure(&self, fixed: u64, rtc: &mut Rtc) {
        let rates = self.slots.iter().filter_map(Slot::rates);
        let (wanted, current) = rates.fold((fixed, fixed), |(wanted, current), (more, now)| {
            (wanted.saturating_add(more), current.saturating_add(now))
        });
        let with_headroom = with_headroom(wanted);
        // Padding in the place of larger layers shows whether those would fit.
        let sustained = if current < wanted { with_headroom } else { 0 };
        rtc.bwe()
            .set_bitrate(Bitrate::from(sustained), Bitrate::from(with_headroom));
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
                if let Some(kind) = self.slots.iter().find_map(|slot| slot.kind_of(&mid)) {
                    self.strain.told(kind, stats.loss, stats.rtt, self.began.elapsed());
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

/// A larger layer is taken when it fits with room to spare.
fn with_headroom(rate: u64) -> u64 {
    rate.saturating_mul(HEADROOM_PERCENT) / 100
}
