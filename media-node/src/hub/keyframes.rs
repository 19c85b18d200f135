//! The way back to one publisher: whoever misses a picture asks for a keyframe, and the publisher is asked as seldom as that
//! allows, however many ask.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Those who ask within this time ask once.
const GATHER: Duration = Duration::from_millis(50);
/// Between two keyframes that are asked for: each is many times as large as another picture.
const SPACING: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug, Default)]
pub struct Keyframes {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When the first of those asked who have not been heard.
    wanted: Option<Instant>,
    /// When the publisher was asked last.
    asked: Option<Instant>,
}

impl Keyframes {
    /// Somebody cannot go on without a keyframe.
    pub fn ask(&self) {
        self.lock().wanted.get_or_insert_with(Instant::now);
        self.changed.notify_one();
    }

    /// Done when the publisher is to be asked. One at a time waits for it; dropping the future loses nothing.
    pub async fn due(&self) {
        loop {
            let due = self.lock().due();
            match due {
                Some(due) if due <= Instant::now() => {
                    *self.lock() = State {
                        wanted: None,
                        asked: Some(Instant::now()),
                    };
                    return;
                }
                Some(due) => sleep_until(due).await,
                None => self.changed.notified().await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn due(&self) -> Option<Instant> {
        let gathered = self.wanted? + GATHER;
        Some(self.asked.map_or(gathered, |asked| gathered.max(asked + SPACING)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fifty_who_ask_at_once_ask_once() {
        let (keyframes, began) = (Keyframes::default(), Instant::now());
        for _ in 0..50 {
            keyframes.ask();
        }
        keyframes.due().await;
        assert_eq!(began.elapsed(), GATHER);
        let silent = tokio::time::timeout(Duration::from_secs(60), keyframes.due()).await;
        assert!(silent.is_err(), "nobody has asked since");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_soon_after_another_waits_and_is_not_forgotten() {
        let keyframes = Keyframes::default();
        keyframes.ask();
        keyframes.due().await;
        let first = Instant::now();
        keyframes.ask();
        keyframes.due().await;
        assert_eq!(first.elapsed(), SPACING);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_asks_while_it_is_waited_for_is_heard() {
        let keyframes = std::sync::Arc::new(Keyframes::default());
        let waiting = tokio::spawn({
            let keyframes = keyframes.clone();
            async move { keyframes.due().await }
        });
        tokio::time::advance(Duration::from_secs(3)).await;
        keyframes.ask();
        waiting.await.unwrap();
    }
}
