//! A publisher's layers beside its sound, as one stream: another node makes of them what this one does, so that whoever plays there
//! has all sizes to choose from.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use protocol::TrackKind;
use tokio::time::{MissedTickBehavior, interval};

use crate::hub::{Manner, Packet, Publication, Receiver, SubscribeError, Vacancy};

/// How often it is looked whether anybody plays.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often packets are released that wait for ones that are lost.
const RELEASE_EVERY: Duration = Duration::from_millis(50);
/// What waits between a layer and this: seconds of it.
const QUEUE_BYTES: usize = 8 << 20;

/// The tracks of a publication, and behind them one for each layer of its picture; nothing comes by the track of the picture itself.
/// `None` where it has no layers. It ends with the publication, and when nobody plays it.
pub fn apart(publication: &Arc<Publication>) -> Option<Arc<Publication>> {
    let layers = publication.layers();
    layers.first()?;
    let tracks = publication.description.tracks();
    let is_picture = |track: usize| tracks.get(track).is_some_and(|track| track.kind == TrackKind::Video);
    let picture = (0..tracks.len()).find(|track| is_picture(*track))?;
    let told = (0..tracks.len()).chain(layers.iter().map(|_| picture));
    let description = publication.description.picked(&told.collect::<Vec<_>>()).ok()?;
    let feeds = Feeds::open(publication, picture).ok()?;
    let made = Publication::new(publication.path.clone(), description, Manner::Resending);
    let made = Arc::new(made);
    tokio::spawn(run(publication.clone(), feeds, made.clone()));
    Some(made)
}

/// What is handed on: the tracks beside the picture, and the layers.
struct Feeds {
    beside: Receiver,
    layers: Vec<Receiver>,
    /// The track of the first layer.
    first: usize,
}

impl Feeds {
    fn open(publication: &Publication, picture: usize) -> Result<Self, SubscribeError> {
        let first = publication.description.track_count();
        let beside: Vec<usize> = (0..first).filter(|track| *track != picture).collect();
        let layers = publication.layers().iter();
        Ok(Self {
            beside: publication.subscribe_fast(&beside, QUEUE_BYTES)?,
            // It asks for a keyframe of each.
            layers: layers
                .map(|layer| layer.publication.subscribe_fast(&[0], QUEUE_BYTES))
                .collect::<Result<_, _>>()?,
            first,
        })
    }

    /// The next packet, with its track; `None` when there will be none.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Packet)>> {
        for (layer, packets) in self.layers.iter_mut().enumerate() {
            if let Poll::Ready(packet) = packets.poll_next(context) {
                return Poll::Ready(packet.map(|packet| (self.first + layer, packet)));
            }
        }
        let beside = self.beside.poll_next(context);
        beside.map(|packet| packet.map(|packet| (packet.track, packet)))
    }
}

async fn run(source: Arc<Publication>, mut feeds: Feeds, made: Arc<Publication>) {
    let mut looks = interval(LOOK_EVERY);
    let mut releases = interval(RELEASE_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    releases.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut vacancy = Vacancy::default();
    loop {
        tokio::select! {
            packet = poll_fn(|context| feeds.poll_next(context)) => match packet {
                Some((track, packet)) => made.relay(track, packet.flow, packet.payload),
                None => break,
            },
            now = looks.tick() => {
                if vacancy.is_over(made.has_players(), now) {
                    break;
                }
            }
            _ = releases.tick() => made.release(),
            // Who asks does not say of which: each has its own limit.
            () = made.keyframes.due() => source.layers().iter().for_each(|layer| layer.publication.keyframes.ask()),
            () = source.ended.cancelled() => break,
            () = made.ended.cancelled() => break,
        }
    }
    made.end();
}

#[cfg(test)]
mod tests {
    use super::super::testing::Layered;
    use super::*;
    use crate::hub::{Overflow, rtp};

    #[tokio::test(start_paused = true)]
    async fn each_layer_is_a_track_behind_the_others() {
        let mut layered = Layered::new();
        let made = apart(&layered.whole).unwrap();
        assert_eq!(made.description.track_count(), 3);
        let mut player = made.subscribe(&[1, 2], 1 << 20, Overflow::Drop, true).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..10 {
            layered.moment().await;
            while let Some(packet) = player.packets.try_next() {
                let width = rtp::payload(&packet.payload).and_then(super::super::testing::width);
                seen.extend(width.map(|width| (packet.track, width)));
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(1, 320), (2, 640)]);
        layered.whole.end();
        made.ended.cancelled().await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_nobody_plays_it() {
        let mut layered = Layered::new();
        let made = apart(&layered.whole).unwrap();
        for _ in 0..150 {
            layered.moment().await;
        }
        assert!(made.ended.is_cancelled());
    }

    #[tokio::test]
    async fn a_picture_of_one_size_has_none() {
        let layered = Layered::new();
        assert!(apart(&layered.layers[0].publication).is_none());
    }
}
