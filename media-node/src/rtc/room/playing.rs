//! What a peer gets: the sources that its slots show, as the edge maps them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::Poll;

use protocol::RoomSlot;
use str0m::{Event, Rtc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::offer::Offer;
use super::roll::Presence;
use super::seek::Found;
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
    ended: CancellationToken,
}

/// What a subscribing connection has to do.
pub(in crate::rtc) enum PlayStep {
    Begin(Found),
    Send(usize, Come),
}

impl PeerPlaying {
    pub(in crate::rtc) fn new(presence: Presence, queue_bytes: usize) -> Self {
        let (find, found) = mpsc::channel(MAX_SLOTS);
        Self {
            path: presence.path(),
            presence,
            queue_bytes,
            slots: Vec::new(),
            find,
            found,
            first: 0,
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
        for section in received() {
            if self.slots.len() < MAX_SLOTS && !self.slots.iter().any(|slot| slot.mid == section.mid) {
                self.slots.push(Slot::new(section));
            }
        }
    }

    pub(in crate::rtc) fn connected(&mut self) {
        self.presence.connected();
        // By another network what is shown begins anew.
        self.slots.iter().for_each(Slot::ask_for_keyframe);
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
            slots, found, first, ..
        } = self;
        poll_fn(|context| {
            // It cannot end: this side keeps a sender.
            if let Poll::Ready(Some(found)) = found.poll_recv(context) {
                return Poll::Ready(PlayStep::Begin(found));
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
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == found.slot) {
                    slot.found(found, self.queue_bytes, &self.presence.roll.commons.transcoding);
                }
            }
            PlayStep::Send(index, come) => {
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.take(come, rtc);
                }
            }
        }
    }

    pub(in crate::rtc) fn event(&mut self, event: &Event) {
        if let Event::KeyframeRequest(request) = event {
            let mid = request.mid.to_string();
            self.slots
                .iter()
                .filter(|slot| slot.mid == mid)
                .for_each(Slot::ask_for_keyframe);
        }
    }

    /// Says for a person why it ends.
    pub(in crate::rtc) fn ends(&mut self, why: String) {
        self.presence.ends(why);
    }
}
