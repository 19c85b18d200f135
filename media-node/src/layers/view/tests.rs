use std::task::Waker;

use super::super::testing::{Layered, width};
use super::*;

/// A publication of two layers, the smaller one first, and a player of it.
struct Scene {
    layered: Layered,
    view: View,
    now: Duration,
}

impl Scene {
    fn new() -> Self {
        let layered = Layered::new();
        let layer = &layered.layers[0].publication;
        assert!(View::new(layer, 1 << 20, 1).is_none(), "it has no layers");
        Self {
            view: View::new(&layered.whole, 1 << 20, 1).unwrap(),
            layered,
            now: Duration::ZERO,
        }
    }

    /// One moment, a tenth of a second: a picture of each layer. What the player gets: number, and width of keyframes.
    async fn moment(&mut self) -> Vec<(u64, Option<u16>)> {
        self.now += Duration::from_millis(100);
        self.view.look(self.now).unwrap();
        self.layered.moment().await;
        let mut got = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some((layer, packet))) = self.view.poll_next(&mut context) {
            self.view.take(layer, &packet, self.now, |packet, numbered| {
                let payload = crate::hub::rtp::payload(&packet.payload).unwrap();
                got.push((numbered.sequence, width(payload)));
            });
        }
        got
    }

    async fn moments(&mut self, count: usize) -> Vec<(u64, Option<u16>)> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.extend(self.moment().await);
        }
        all
    }
}

fn widths(got: &[(u64, Option<u16>)]) -> Vec<u16> {
    got.iter().filter_map(|(_, width)| *width).collect()
}

fn carries(bits_per_second: u64) -> Wish {
    Wish {
        bits_per_second: Some(bits_per_second),
        ..Wish::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_player_goes_down_and_up_at_keyframes_and_loses_nothing() {
    let mut scene = Scene::new();
    let mut all = scene.moments(10).await;
    assert_eq!(widths(&all), [640]);
    assert_eq!(scene.view.rates(), (800_000, 800_000));
    scene.view.set_wish(carries(500_000));
    let down = scene.moments(10).await;
    assert_eq!(widths(&down), [320]);
    assert!(down.len() >= 18, "the former goes on until the next begins");
    scene.view.set_wish(carries(2_000_000));
    let rest = scene.moments(30).await;
    assert_eq!(widths(&rest), [0; 0], "who had to go down stays there for a while");
    let up = scene.moments(20).await;
    assert_eq!(widths(&up), [640]);
    all.extend([down, rest, up].concat());
    let numbers: Vec<u64> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_a_little_too_narrow_for_a_moment_changes_nothing() {
    let mut scene = Scene::new();
    assert_eq!(widths(&scene.moments(10).await), [640]);
    scene.view.set_wish(carries(700_000));
    assert_eq!(widths(&scene.moments(15).await), [0; 0]);
    scene.view.set_wish(carries(900_000));
    assert_eq!(widths(&scene.moments(15).await), [0; 0]);
    scene.view.set_wish(carries(700_000));
    assert_eq!(widths(&scene.moments(15).await), [0; 0]);
    assert_eq!(widths(&scene.moments(15).await), [320], "it stays too narrow");
}

#[tokio::test(start_paused = true)]
async fn another_height_is_another_layer_at_once() {
    let mut scene = Scene::new();
    let wish = |height| Wish {
        height: Some(height),
        ..carries(9_000_000)
    };
    scene.view.set_wish(wish(180));
    assert_eq!(widths(&scene.moments(5).await), [320]);
    assert_eq!(scene.view.layer().unwrap().size, Some((320, 180)));
    scene.view.set_wish(wish(181));
    assert_eq!(widths(&scene.moments(10).await), [640]);
    scene.view.set_wish(wish(90));
    assert_eq!(widths(&scene.moments(10).await), [320]);
    scene.view.set_wish(wish(720));
    assert_eq!(widths(&scene.moments(10).await), [640]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_does_not_come_any_more_is_left() {
    let mut scene = Scene::new();
    scene.moments(5).await;
    let large = scene.layered.layers[1].state();
    scene.layered.layers[1].set(LayerState {
        is_sending: false,
        ..large
    });
    assert_eq!(widths(&scene.moments(5).await), [320]);
    scene.layered.layers[1].set(large);
    assert_eq!(widths(&scene.moments(10).await), [640], "its way is wide enough");
}
