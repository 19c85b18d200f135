//! A publisher's layers as streams that everybody can play: its picture is the best of those that come, and the smallest is the
//! user's stream `low`. It lasts as long as the publisher's session holds it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use protocol::StreamName;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::choice::{Wish, choose};
use super::entry::{Entry, Keyframe};
use super::switch::Switch;
use super::target::Target;
use crate::channel::StreamPath;
use crate::hub::{
    Description, Flow, Hub, Layer, LayerState, Manner, Overflow, Packet, Publication, Published, Receiver, rtp,
};

/// How often packets are released that wait for ones that are lost.
const RELEASE_EVERY: Duration = Duration::from_millis(50);
/// How often rates are told, and a keyframe is asked for that has not come.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A layer that lacks so many pictures that each of the others has had does not come any more.
const MAX_MISSED: u32 = 10;
/// Wishes for keyframes that wait for the session.
const MAX_ASKED: usize = 16;

/// See the module.
pub struct Conductor {
    layers: Vec<Arc<Layer>>,
    asked: mpsc::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Conductor {
    /// Hands in a packet of a layer.
    pub fn relay(&self, layer: usize, flow: Flow, packet: bytes::Bytes) {
        if let Some(layer) = self.layers.get(layer) {
            layer.publication.relay(0, flow, packet);
        }
    }

    /// Whether anybody plays one of the layers.
    pub fn has_players(&self) -> bool {
        // One is the conductor's own.
        self.layers.iter().any(|layer| layer.publication.players() > 1)
    }

    /// What asks the publisher for a keyframe of a layer, where it has shown that it takes such things.
    pub fn keyframe_wish(&self, layer: usize, reporter: u32) -> Option<Vec<u8>> {
        let wishes = self.layers.get(layer)?.publication.keyframe_wishes(reporter);
        wishes.into_iter().next().map(|(_, wish)| wish)
    }

    /// The layer that is to be asked for a keyframe. Dropping the future loses nothing.
    pub async fn asked(&mut self) -> usize {
        match self.asked.recv().await {
            Some(layer) => layer,
            None => std::future::pending().await,
        }
    }
}

/// Begins to take the picture of `whole`, which is its track of this index, from so many layers, which come in this manner. `picture`:
/// what describes it alone; `hub`: where the smallest layer is a stream by itself, if it is to be one.
pub fn conduct(
    hub: Option<&Arc<Hub>>,
    whole: &Arc<Publication>,
    track: usize,
    picture: &Description,
    count: usize,
    manner: Manner,
) -> Conductor {
    let layer = |_| {
        let publication = Publication::new(whole.path.clone(), picture.clone(), manner);
        Arc::new(Layer::new(Arc::new(publication)))
    };
    let layers: Vec<Arc<Layer>> = (0..count).map(layer).collect();
    whole.set_layers(layers.clone());
    let (ask, asked) = mpsc::channel(MAX_ASKED);
    let mut tasks = JoinSet::new();
    for (index, layer) in layers.iter().enumerate() {
        let (ask, publication) = (ask.clone(), layer.publication.clone());
        tasks.spawn(async move {
            loop {
                publication.keyframes.due().await;
                if ask.send(index).await.is_err() {
                    return;
                }
            }
        });
    }
    let best = Forward::new(whole.clone(), track, Wish::default(), &layers);
    tasks.spawn(best.pass_on_wishes(layers.clone()));
    let work = Work {
        hub: hub.cloned(),
        picture: picture.clone(),
        path: whole.path.clone(),
        began: Instant::now(),
        sources: layers.iter().map(Source::new).collect(),
        forwards: vec![best],
        low: None,
    };
    tasks.spawn(work.run(layers.clone()));
    Conductor {
        layers,
        asked,
        _tasks: tasks,
    }
}

struct Work {
    hub: Option<Arc<Hub>>,
    picture: Description,
    path: StreamPath,
    began: Instant,
    sources: Vec<Source>,
    forwards: Vec<Forward>,
    low: Option<(Published, JoinSet<()>)>,
}

/// One layer, as it comes.
struct Source {
    layer: Arc<Layer>,
    packets: Option<Receiver>,
    entry: Option<Entry>,
    timestamp: Option<u32>,
    /// Pictures of the others since its own last one.
    missed: u32,
    bytes: u64,
    looked: Instant,
}

/// One stream that is made of the layers.
struct Forward {
    target: Target,
    wish: Wish,
    switch: Switch,
    /// The layer that is gone over to at its next keyframe.
    next: Option<usize>,
    /// Who is asked for keyframes.
    asked: Arc<AtomicUsize>,
}

impl Work {
    async fn run(mut self, layers: Vec<Arc<Layer>>) {
        let mut releases = interval(RELEASE_EVERY);
        let mut looks = interval(LOOK_EVERY);
        releases.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                (index, packet) = next(&mut self.sources) => self.take(index, packet, &layers),
                _ = releases.tick() => layers.iter().for_each(|layer| layer.publication.release()),
                _ = looks.tick() => self.look(&layers),
            }
        }
    }

    fn take(&mut self, index: usize, packet: Packet, layers: &[Arc<Layer>]) {
        let now = self.began.elapsed();
        if packet.flow == Flow::Rtcp {
            for forward in &mut self.forwards {
                forward.report(index, &packet);
            }
            return;
        }
        let has_changed = self.count(index, &packet);
        let Some(source) = self.sources.get_mut(index) else {
            return;
        };
        let keyframe = source.entry.as_mut().and_then(|entry| entry.push(&packet));
        if let Some(size) = keyframe.as_ref().and_then(|keyframe| keyframe.size) {
            let state = source.layer.state();
            source.layer.set(LayerState {
                size: Some(size),
                ..state
            });
            tracing::debug!(path = %self.path, layer = index, ?size, "a layer has this size");
            self.list_low(layers);
        }
        if has_changed || keyframe.is_some() {
            self.choose(layers);
        }
        for forward in &mut self.forwards {
            forward.take(index, &packet, keyframe.as_ref(), now);
        }
    }

    /// Takes note of who sends. Answers whether that is another layer, or one less.
    fn count(&mut self, index: usize, packet: &Packet) -> bool {
        let timestamp = rtp::rtp_head(&packet.payload).map(|head| head.timestamp);
        let is_new = self
            .sources
            .get(index)
            .is_some_and(|source| source.timestamp != timestamp);
        if !is_new {
            return false;
        }
        let others = self.sources.iter().filter(|source| source.layer.state().is_sending);
        // Each of the others counts for itself.
        let most = MAX_MISSED * u32::try_from(others.count().saturating_sub(1)).unwrap_or(1).max(1);
        let mut has_changed = false;
        for (of, source) in self.sources.iter_mut().enumerate() {
            let state = source.layer.state();
            if of == index {
                source.timestamp = timestamp;
                source.missed = 0;
            } else {
                source.missed = source.missed.saturating_add(1);
            }
            let is_sending = source.timestamp.is_some() && source.missed < most;
            if state.is_sending != is_sending {
                has_changed = true;
                source.layer.set(LayerState { is_sending, ..state });
                tracing::debug!(path = %self.path, layer = of, is_sending, "a layer comes or goes");
            }
        }
        has_changed
    }

    fn look(&mut self, layers: &[Arc<Layer>]) {
        for source in &mut self.sources {
            source.look();
        }
        self.choose(layers);
    }

    fn choose(&mut self, layers: &[Arc<Layer>]) {
        let states: Vec<LayerState> = layers.iter().map(|layer| layer.state()).collect();
        // What a layer is good for is not known before its first keyframe.
        let is_unknown = |(_, state): &(&Arc<Layer>, &LayerState)| state.is_sending && state.size.is_none();
        for (layer, _) in layers.iter().zip(&states).filter(is_unknown) {
            layer.publication.keyframes.ask();
        }
        for forward in &mut self.forwards {
            let chosen = choose(&states, forward.switch.layer(), forward.wish);
            forward.next = chosen.filter(|chosen| forward.switch.layer() != Some(*chosen));
            if let Some(layer) = forward.next.and_then(|next| layers.get(next)) {
                layer.publication.keyframes.ask();
            }
        }
    }

    /// The smallest layer is a stream by itself as soon as there are two.
    fn list_low(&mut self, layers: &[Arc<Layer>]) {
        let known = layers.iter().filter(|layer| layer.state().size.is_some()).count();
        if known < 2 || self.low.is_some() || self.path.stream != StreamName::Camera {
            return;
        }
        let Some(hub) = &self.hub else { return };
        let path = StreamPath {
            stream: StreamName::Low,
            ..self.path.clone()
        };
        let published = hub.publish_smallest(&path, self.picture.clone(), crate::clock::unix_ms());
        // Where there is no room for it, the best one is there all the same.
        let Ok(published) = published else { return };
        let forward = Forward::new(published.publication.clone(), 0, Wish::LEAST, layers);
        let mut wishes = JoinSet::new();
        wishes.spawn(forward.pass_on_wishes(layers.to_vec()));
        self.forwards.push(forward);
        self.low = Some((published, wishes));
    }
}

/// The next packet of any layer.
async fn next(sources: &mut [Source]) -> (usize, Packet) {
    poll_fn(|context| {
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(packets) = &mut source.packets
                && let Poll::Ready(Some(packet)) = packets.poll_next(context)
            {
                return Poll::Ready((index, packet));
            }
        }
        Poll::Pending
    })
    .await
}

/// What waits between the publisher's session and this: seconds of it.
const QUEUE_BYTES: usize = 8 << 20;

impl Source {
    fn new(layer: &Arc<Layer>) -> Self {
        let publication = &layer.publication;
        let clock_rate = publication.description.clock_rates().first().copied();
        let tracks = publication.description.tracks();
        Self {
            packets: publication
                .subscribe(&[0], QUEUE_BYTES, Overflow::Drop, false)
                .ok()
                .map(|subscription| subscription.packets),
            entry: tracks
                .first()
                .zip(clock_rate)
                .and_then(|(track, clock_rate)| Entry::new(track, clock_rate)),
            layer: layer.clone(),
            timestamp: None,
            missed: 0,
            bytes: 0,
            looked: Instant::now(),
        }
    }

    fn look(&mut self) {
        let elapsed_ms = u64::try_from(self.looked.elapsed().as_millis()).unwrap_or(u64::MAX);
        if elapsed_ms == 0 {
            return;
        }
        self.looked = Instant::now();
        let bytes = self.layer.publication.bytes.load(Ordering::Relaxed);
        let lately = bytes.saturating_sub(std::mem::replace(&mut self.bytes, bytes));
        let rate = lately.saturating_mul(8_000) / elapsed_ms;
        let state = self.layer.state();
        self.layer.set(LayerState {
            // Keyframes make the rate jump.
            bits_per_second: match state.bits_per_second {
                0 => rate,
                before => (before * 3 + rate) / 4,
            },
            ..state
        });
    }
}

impl Forward {
    fn new(target: Arc<Publication>, track: usize, wish: Wish, layers: &[Arc<Layer>]) -> Self {
        let clock_rate = target.description.clock_rates().get(track).copied().unwrap_or(90_000);
        Self {
            target: Target::new(target, track),
            wish,
            switch: Switch::new(clock_rate, layers.len(), 1),
            next: None,
            asked: Arc::default(),
        }
    }

    /// Who misses a picture of the stream asks the layer that it is taken from.
    fn pass_on_wishes(&self, layers: Vec<Arc<Layer>>) -> impl Future<Output = ()> + use<> {
        let (target, asked) = (self.target.publication.clone(), self.asked.clone());
        async move {
            loop {
                target.keyframes.due().await;
                if let Some(layer) = layers.get(asked.load(Ordering::Relaxed)) {
                    layer.publication.keyframes.ask();
                }
            }
        }
    }

    fn report(&mut self, layer: usize, packet: &Packet) {
        self.switch.report(layer, &packet.payload);
        self.target.report(self.switch.told_report(layer, &packet.payload));
    }

    fn take(&mut self, layer: usize, packet: &Packet, keyframe: Option<&Keyframe>, now: Duration) {
        if self.switch.layer() == Some(layer) {
            self.send(layer, packet, now);
        } else if let Some(keyframe) = keyframe.filter(|_| self.next == Some(layer)) {
            self.next = None;
            self.asked.store(layer, Ordering::Relaxed);
            for packet in &keyframe.packets {
                self.send(layer, packet, now);
            }
        }
    }

    fn send(&mut self, layer: usize, packet: &Packet, now: Duration) {
        let Some(head) = rtp::rtp_head(&packet.payload) else {
            return;
        };
        let numbered = self.switch.take(layer, head, rtp::is_marked(&packet.payload), now);
        if let Some(numbered) = numbered {
            self.target.send(packet, numbered);
        }
    }
}

#[cfg(test)]
mod tests;
