use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Patience, Track};

/// Streams whose ends are remembered; a user has a handful.
const MAX_REMEMBERED: usize = 64;
/// Keeps the anchor of a stream that is gone, until another one publishes; no stream has this id.
const NOBODY: u64 = 0;

/// The clock of one user, shared by all of the user's streams: where the sender's NTP time lies on the recording's
/// timeline, so that a camera and a shared screen keep together, and how far each stream was recorded, so that a user
/// who comes back is never placed before what is already there.
///
/// While no stream of the user is open there is no anchor: who comes back is anchored anew.
#[derive(Clone, Debug, Default)]
pub struct UserClock {
    patience: Patience,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Media time minus NTP time, in microseconds, and the stream that keeps it.
    anchor: Option<(u64, i64)>,
    next_id: u64,
    open: usize,
    ends_us: HashMap<(String, Track), i64>,
}

impl UserClock {
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            ..Self::default()
        }
    }

    /// Takes part as the stream `name`; the same name stands for the same stream after a reconnection.
    pub fn join(&self, name: &str) -> UserStream {
        let mut shared = self.lock();
        shared.next_id += 1;
        shared.open += 1;
        let id = shared.next_id;
        drop(shared);
        UserStream {
            clock: self.clone(),
            id,
            name: name.to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Each critical section leaves the state whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's part in its user's clock, until dropped.
#[derive(Debug)]
pub struct UserStream {
    clock: UserClock,
    id: u64,
    name: String,
}

impl UserStream {
    pub(super) fn patience(&self) -> Patience {
        self.clock.patience
    }

    /// Media time minus NTP time as another stream of the user keeps it.
    pub(super) fn anchor_of_others(&self) -> Option<i64> {
        let shared = self.clock.lock();
        shared
            .anchor
            .filter(|(keeper, _)| *keeper != self.id)
            .map(|(_, anchor)| anchor)
    }

    /// Tells the other streams this one's anchor, unless another one keeps it.
    pub(super) fn publish(&self, anchor_us: i64) {
        let mut shared = self.clock.lock();
        if shared
            .anchor
            .is_none_or(|(keeper, _)| keeper == self.id || keeper == NOBODY)
        {
            shared.anchor = Some((self.id, anchor_us));
        }
    }

    /// Where recorded media of this stream's track ends; 0 when there is none.
    pub fn end_us(&self, track: Track) -> i64 {
        self.clock
            .lock()
            .ends_us
            .get(&(self.name.clone(), track))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn set_end_us(&self, track: Track, end_us: i64) {
        let mut shared = self.clock.lock();
        let key = (self.name.clone(), track);
        if shared.ends_us.len() < MAX_REMEMBERED || shared.ends_us.contains_key(&key) {
            let end = shared.ends_us.entry(key).or_insert(0);
            *end = end_us.max(*end);
        }
    }
}

impl Drop for UserStream {
    fn drop(&mut self) {
        let mut shared = self.clock.lock();
        shared.open -= 1;
        if shared.open == 0 {
            shared.anchor = None;
        } else if let Some((keeper, anchor)) = shared.anchor
            && keeper == self.id
        {
            shared.anchor = Some((NOBODY, anchor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stream_keeps_the_anchor_and_leaves_it_to_the_others() {
        let clock = UserClock::default();
        let (camera, screen) = (clock.join("camera"), clock.join("screen"));
        camera.publish(7);
        screen.publish(9);
        assert_eq!(camera.anchor_of_others(), None);
        assert_eq!(screen.anchor_of_others(), Some(7));
        drop(camera);
        assert_eq!(screen.anchor_of_others(), Some(7));
        screen.publish(8);
        assert_eq!(clock.join("low").anchor_of_others(), Some(8));
        drop(screen);
        assert_eq!(clock.join("camera").anchor_of_others(), None);
    }

    #[test]
    fn ends_outlive_the_stream_and_only_grow() {
        let clock = UserClock::default();
        let camera = clock.join("camera");
        assert_eq!(camera.end_us(Track::Video), 0);
        camera.set_end_us(Track::Video, 5_000);
        camera.set_end_us(Track::Video, 4_000);
        drop(camera);
        let again = clock.join("camera");
        assert_eq!(again.end_us(Track::Video), 5_000);
        assert_eq!(again.end_us(Track::Audio), 0);
    }
}
