//! The way back to one publisher: whoever misses a picture asks for a keyframe, and the publisher is asked as seldom as that
//! allows, however many ask. Whether it answers is learnt on the way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::answers::Answers;

/// Those who ask within this time ask once.
const GATHER: Duration = Duration::from_millis(50);
/// Between two keyframes that are asked for: each is many times as large as another picture.
const SPACING: Duration = Duration::from_millis(500);
/// When a publisher is asked to see whether it answers, counted from the first question. Most keyframes that come at an interval come
/// at none of them.
const PROBES: [Duration; 3] = [
    Duration::from_millis(1_450),
    Duration::from_millis(2_650),
    Duration::from_millis(4_250),
];

/// See the module.
#[derive(Debug)]
pub struct Keyframes {
    began: Instant,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// When the first of those asked who have not been heard.
    wanted: Option<Instant>,
    /// When the publisher was asked last.
    asked: Option<Instant>,
    answers: Answers,
    /// When it is asked although nobody wants anything.
    probes: VecDeque<Instant>,
}

impl Default for Keyframes {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

impl Keyframes {
    /// Somebody cannot go on without a keyframe.
    pub fn ask(&self) {
        self.lock().wanted.get_or_insert_with(Instant::now);
        self.changed.notify_one();
    }

    /// Asks now and three times more, so that it is known whether the publisher answers before anybody has to wait for it.
    pub fn probe(&self) {
        let now = Instant::now();
        self.lock().probes = PROBES.map(|probe| now + probe).into();
        self.ask();
    }

    /// A keyframe has begun to come.
    pub fn came(&self) {
        self.lock().answers.came(self.began.elapsed());
    }

    /// Whether the publisher sends one when it is asked.
    pub fn are_answered(&self) -> bool {
        self.lock().answers.come(self.began.elapsed())
    }

    /// Done when the publisher is to be asked. One at a time waits for it; dropping the future loses nothing.
    pub async fn due(&self) {
        loop {
            let due = self.lock().due();
            match due {
                Some(due) if due <= Instant::now() => {
                    let now = Instant::now();
                    let mut state = self.lock();
                    state.wanted = None;
                    state.asked = Some(now);
                    state.probes.retain(|probe| *probe > now);
                    state.answers.asked(self.began.elapsed());
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
        let gathered = self.wanted.map(|wanted| wanted + GATHER);
        let next = [gathered, self.probes.front().copied()].into_iter().flatten().min()?;
        Some(self.asked.map_or(next, |asked| next.max(asked + SPACING)))
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
    async fn a_publisher_is_tried_and_then_left_alone() {
        let (keyframes, began) = (Keyframes::default(), Instant::now());
        keyframes.probe();
        for due_ms in [50, 1_450, 2_650, 4_250] {
            keyframes.due().await;
            assert_eq!(began.elapsed(), Duration::from_millis(due_ms));
            assert!(!keyframes.are_answered());
            tokio::time::advance(Duration::from_millis(100)).await;
            keyframes.came();
        }
        assert!(keyframes.are_answered());
        let silent = tokio::time::timeout(Duration::from_secs(60), keyframes.due()).await;
        assert!(silent.is_err());
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
