use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is given out in pieces of so many bytes.
const PIECE: usize = 1024;

/// The room in memory for the coded units of a queue. Its bound on units alone would let a hostile publisher, whose units
/// are some megabytes long, fill gigabytes. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    pieces: u32,
}

/// What is in the queue, with the room that it takes until it is dropped.
#[derive(Debug)]
pub(super) struct Held<T> {
    pub(super) what: T,
    _room: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        let pieces = (bytes / PIECE).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self {
            free: Arc::new(Semaphore::new(pieces)),
            pieces: pieces as u32,
        }
    }

    /// Waits until there is room; what is larger than all of it waits until nothing else is held.
    pub(super) async fn hold<T>(&self, what: T, bytes: usize) -> Held<T> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE))
            .unwrap_or(u32::MAX)
            .min(self.pieces);
        // Nobody closes the semaphore.
        let room = self.free.clone().acquire_many_owned(pieces).await.ok();
        Held { what, _room: room }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_held<T>(poll: &Poll<Held<T>>) -> bool {
        poll.is_ready()
    }

    #[test]
    fn the_room_of_a_queue_is_bounded_by_bytes() {
        let room = Room::new(4 * PIECE);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(first) = pin!(room.hold(1, 3 * PIECE)).poll(&mut context) else {
            panic!("there is room");
        };
        let mut second = pin!(room.hold(2, 2 * PIECE));
        assert!(!is_held(&second.as_mut().poll(&mut context)));
        assert_eq!(first.what, 1);
        drop(first);
        assert!(is_held(&second.as_mut().poll(&mut context)));
    }

    #[test]
    fn what_is_larger_than_the_room_is_held_alone() {
        let room = Room::new(4 * PIECE);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(large) = pin!(room.hold((), 9 * PIECE)).poll(&mut context) else {
            panic!("there is room");
        };
        let mut small = pin!(room.hold((), 1));
        assert!(!is_held(&small.as_mut().poll(&mut context)));
        drop(large);
        assert!(is_held(&small.as_mut().poll(&mut context)));
    }
}
