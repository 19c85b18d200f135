//! A publisher's picture in the size that somebody needs, as a stream of its own: mixes decode no more than they show.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::choice::{Area, Wish};
use super::target::Target;
use super::view::View;
use crate::hub::{Flow, Manner, Publication, Vacancy};

/// How often it is looked which layer fits, and whether anybody plays.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often packets are released that wait for ones that are lost.
const RELEASE_EVERY: Duration = Duration::from_millis(50);
/// What waits between a layer and this: seconds of it.
const QUEUE_BYTES: usize = 8 << 20;

/// The picture of a publication, alone, from the smallest layer that fills this area; `None` where it has no layers. It ends with
/// the publication, and when nobody plays it.
pub fn sized(publication: &Arc<Publication>, area: Area) -> Option<Arc<Publication>> {
    let mut view = View::new(publication, QUEUE_BYTES, 1)?;
    view.set_wish(Wish {
        area: Some(area),
        ..Wish::default()
    });
    let picture = publication.layers().first()?.publication.description.clone();
    let made = Publication::new(publication.path.clone(), picture, Manner::Resending);
    let made = Arc::new(made);
    tokio::spawn(run(publication.clone(), view, Target::new(made.clone(), 0)));
    Some(made)
}

async fn run(source: Arc<Publication>, mut view: View, mut target: Target) {
    let made = target.publication.clone();
    let mut looks = interval(LOOK_EVERY);
    let mut releases = interval(RELEASE_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    releases.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (began, mut vacancy) = (Instant::now(), Vacancy::default());
    loop {
        tokio::select! {
            packet = poll_fn(|context| view.poll_next(context)) => {
                let Some((layer, packet)) = packet else { break };
                view.take(layer, &packet, began.elapsed(), |packet, numbered| target.send(packet, numbered));
                if packet.flow == Flow::Rtcp {
                    target.report(view.told_report(layer, &packet));
                }
            }
            now = looks.tick() => {
                if vacancy.is_over(made.has_players(), now) || view.look(began.elapsed()).is_err() {
                    break;
                }
            }
            _ = releases.tick() => made.release(),
            () = made.keyframes.due() => view.ask(),
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

    fn area(width: u32, height: u32) -> Area {
        Area {
            width,
            height,
            is_cut: true,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_the_smallest_layer_that_fills_the_area() {
        for (wanted, width) in [(area(300, 100), 320), (area(400, 100), 640), (area(4_000, 4_000), 640)] {
            let mut layered = Layered::new();
            let made = sized(&layered.whole, wanted).unwrap();
            let mut player = made.subscribe(&[0], 1 << 20, Overflow::Drop, true).unwrap();
            let mut widths = Vec::new();
            for _ in 0..10 {
                layered.moment().await;
                while let Some(packet) = player.packets.try_next() {
                    widths.extend(rtp::payload(&packet.payload).and_then(super::super::testing::width));
                }
            }
            assert_eq!(widths.first(), Some(&width), "{wanted:?}");
            assert!(widths.iter().all(|got| *got == width), "{widths:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_publication_or_when_nobody_plays_it() {
        let mut layered = Layered::new();
        let made = sized(&layered.whole, area(1, 1)).unwrap();
        let player = made.subscribe(&[0], 1 << 20, Overflow::Drop, true).unwrap();
        for _ in 0..200 {
            layered.moment().await;
        }
        assert!(!made.ended.is_cancelled());
        drop(player);
        for _ in 0..150 {
            layered.moment().await;
        }
        assert!(made.ended.is_cancelled());
        let other = sized(&layered.whole, area(1, 1)).unwrap();
        layered.whole.end();
        other.ended.cancelled().await;
    }

    #[tokio::test]
    async fn a_picture_of_one_size_has_no_other() {
        let layered = Layered::new();
        let layer = layered.whole.layers()[0].publication.clone();
        assert!(sized(&layer, area(1, 1)).is_none());
    }
}
