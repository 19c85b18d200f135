//! What one player gets of a publisher's layers: one at a time, and another one from its keyframe on.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::choice::{Wish, choose, wanted_rate};
use super::entering::Entering;
use super::switch::{Numbered, Switch};
use crate::hub::{Flow, Layer, LayerState, Packet, Publication, Receiver, SubscribeError};

/// Who had to go down does not go up for so long: what was measured may have been the way's best moment.
const DOWN_FOR: Duration = Duration::from_secs(5);
/// A way that seems a little too narrow has that long to widen again: a moment's congestion makes estimates fall by some tenths,
const NARROW_FOR: Duration = Duration::from_secs(2);
/// which is so much of what a layer needs, in hundredths. Below that it is too narrow at once.
const TOLERATED_PERCENT: u64 = 70;
/// A layer that is asked for a keyframe and sends none is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub struct View {
    layers: Vec<Arc<Layer>>,
    switch: Switch,
    queue_bytes: usize,
    wish: Wish,
    current: Option<(usize, Receiver)>,
    next: Option<Next>,
    /// Since when the way seems a little too narrow,
    narrow_since: Option<Duration>,
    /// and when it was too narrow.
    went_down: Option<Duration>,
}

/// The layer that is gone over to.
struct Next {
    layer: usize,
    packets: Receiver,
    entering: Entering,
    asked: Duration,
}

impl View {
    /// `None` for a publication whose picture has no layers. `first`: the first sequence number.
    pub fn new(publication: &Publication, queue_bytes: usize, first: u64) -> Option<Self> {
        let layers = publication.layers().to_vec();
        let picture = layers.first()?.publication.clone();
        let clock_rate = picture.description.clock_rates().first().copied()?;
        Some(Self {
            switch: Switch::new(clock_rate, layers.len(), first),
            layers,
            queue_bytes,
            wish: Wish::default(),
            current: None,
            next: None,
            narrow_since: None,
            went_down: None,
        })
    }

    /// Says what is wanted from now on.
    pub fn set_wish(&mut self, wish: Wish) {
        if wish.height != self.wish.height {
            self.went_down = None;
        }
        self.wish = wish;
    }

    /// The layer that is played.
    pub fn layer(&self) -> Option<LayerState> {
        let layer = self.switch.layer().and_then(|layer| self.layers.get(layer));
        layer.map(|layer| layer.state())
    }

    /// The bits a second that the wished layer has, and those of the one that is played.
    pub fn rates(&self) -> (u64, u64) {
        let current = self.layer().map_or(0, |layer| layer.bits_per_second);
        (wanted_rate(&self.states(), self.wish), current)
    }

    /// The bits a second of the smallest layer.
    pub fn least_rate(&self) -> u64 {
        wanted_rate(&self.states(), Wish::LEAST)
    }

    /// Chooses anew. `now`: since any moment, the same for all calls.
    ///
    /// # Errors
    /// When the layer that is wanted can take no more players.
    pub fn look(&mut self, now: Duration) -> Result<(), SubscribeError> {
        let states = self.states();
        let current = self.switch.layer();
        let mut chosen = choose(&states, current, self.wish);
        let pixels = |layer: usize| {
            let size = states.get(layer).and_then(|layer| layer.size);
            size.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
        };
        let is_smaller = |chosen: Option<usize>| {
            current
                .zip(chosen)
                .is_some_and(|(now, next)| pixels(next) < pixels(now))
        };
        if !is_smaller(chosen) {
            self.narrow_since = None;
        } else if now.saturating_sub(*self.narrow_since.get_or_insert(now)) < NARROW_FOR {
            let wider = Wish {
                bits_per_second: self
                    .wish
                    .bits_per_second
                    .map(|bits| bits.saturating_mul(100) / TOLERATED_PERCENT),
                ..self.wish
            };
            let tolerated = choose(&states, current, wider);
            chosen = if is_smaller(tolerated) { tolerated } else { current };
        }
        let is_down = is_smaller(chosen);
        let is_up = current
            .zip(chosen)
            .is_some_and(|(current, chosen)| pixels(chosen) > pixels(current));
        if is_down && self.wish.bits_per_second.is_some() {
            self.went_down = Some(now);
        }
        let rests = self.went_down.is_some_and(|down| now.saturating_sub(down) < DOWN_FOR);
        let still_comes = current
            .and_then(|current| states.get(current))
            .is_some_and(|layer| layer.is_sending);
        let Some(chosen) = chosen.filter(|chosen| Some(*chosen) != current && !(is_up && rests && still_comes)) else {
            self.next = None;
            return Ok(());
        };
        let Some(layer) = self.layers.get(chosen) else {
            return Ok(());
        };
        match &mut self.next {
            Some(next) if next.layer == chosen => {
                if now.saturating_sub(next.asked) >= ASK_AGAIN {
                    next.asked = now;
                    layer.publication.keyframes.ask();
                }
            }
            _ => self.next = Next::begin(chosen, layer, self.queue_bytes, now)?,
        }
        Ok(())
    }

    /// The next packet of a layer; `None` when there will be none.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Packet)>> {
        if let Some(next) = &mut self.next
            && let Poll::Ready(packet) = next.packets.poll_next(context)
        {
            return Poll::Ready(packet.map(|packet| (next.layer, packet)));
        }
        if let Some((layer, packets)) = &mut self.current
            && let Poll::Ready(packet) = packets.poll_next(context)
        {
            return Poll::Ready(packet.map(|packet| (*layer, packet)));
        }
        Poll::Pending
    }

    /// Takes a packet that [`Self::poll_next`] gave; what is to be sent goes to `each`.
    pub fn take(&mut self, layer: usize, packet: &Packet, now: Duration, mut each: impl FnMut(&Packet, Numbered)) {
        if packet.flow == Flow::Rtcp {
            self.switch.report(layer, &packet.payload);
            return;
        }
        if self.current.as_ref().is_some_and(|(current, _)| *current == layer) {
            number(&mut self.switch, layer, packet, now, &mut each);
            return;
        }
        let Some(next) = self.next.as_mut().filter(|next| next.layer == layer) else {
            return;
        };
        let Some(entered) = next.entering.take(packet, now) else {
            return;
        };
        for packet in &entered {
            number(&mut self.switch, layer, packet, now, &mut each);
        }
        self.current = self.next.take().map(|next| (next.layer, next.packets));
    }

    /// A sender report of the layer that is played, by the time that is told.
    pub fn told_report(&self, layer: usize, report: &Packet) -> Option<Vec<u8>> {
        self.switch.told_report(layer, &report.payload)
    }

    /// The player misses a picture.
    pub fn ask(&self) {
        let playing = self.current.as_ref().map(|(layer, _)| *layer);
        let coming = self.next.as_ref().map(|next| next.layer);
        if let Some(layer) = coming.or(playing).and_then(|layer| self.layers.get(layer)) {
            layer.publication.keyframes.ask();
        }
    }

    fn states(&self) -> Vec<LayerState> {
        self.layers.iter().map(|layer| layer.state()).collect()
    }
}

impl Next {
    fn begin(layer: usize, from: &Layer, queue_bytes: usize, now: Duration) -> Result<Option<Self>, SubscribeError> {
        let publication = &from.publication;
        let description = &publication.description;
        let (Some(track), Some(clock_rate)) = (description.tracks().first(), description.clock_rates().first()) else {
            return Ok(None);
        };
        let Some(entering) = Entering::new(track, *clock_rate) else {
            return Ok(None);
        };
        // It asks for a keyframe.
        let packets = publication.subscribe_fast(&[0], queue_bytes)?;
        Ok(Some(Self {
            layer,
            packets,
            entering,
            asked: now,
        }))
    }
}

fn number(switch: &mut Switch, layer: usize, packet: &Packet, now: Duration, each: &mut impl FnMut(&Packet, Numbered)) {
    if let Some(head) = crate::hub::rtp::rtp_head(&packet.payload) {
        let is_marked = crate::hub::rtp::is_marked(&packet.payload);
        if let Some(numbered) = switch.take(layer, head, is_marked, now) {
            each(packet, numbered);
        }
    }
}

#[cfg(test)]
mod tests;
