use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::stream::StreamEvent;

const MAX_EVENTS: usize = 256;
/// What waits in the queue; a single larger unit passes alone.
const MAX_BYTES: usize = 16 << 20;

/// The sending side of a stream's events: a queue bounded by count and by bytes.
///
/// Sending waits while the queue is full. Nothing is read from the source meanwhile: over TCP that holds the sender
/// back, over UDP the socket's buffer overflows and the loss is counted.
pub(super) struct Outlet {
    sender: mpsc::Sender<StreamEvent>,
    /// Sizes of the latest events, the oldest first; those still queued are at the back.
    sizes: VecDeque<usize>,
}

/// The receiver is gone.
#[derive(Debug)]
pub(super) struct Closed;

impl Outlet {
    pub(super) fn new() -> (Self, mpsc::Receiver<StreamEvent>) {
        let (sender, receiver) = mpsc::channel(MAX_EVENTS);
        (
            Self {
                sender,
                sizes: VecDeque::with_capacity(MAX_EVENTS),
            },
            receiver,
        )
    }

    /// Waits for the receiver to be dropped.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    pub(super) async fn send(&mut self, event: StreamEvent) -> Result<(), Closed> {
        let size = event.media_bytes();
        // Slots that have to be free for the bytes to fit: as if all but the newest few were received.
        let queued = self.sender.max_capacity() - self.sender.capacity();
        self.sizes.drain(..self.sizes.len().saturating_sub(queued));
        let mut bytes = size;
        let fitting = self.sizes.iter().rev().take_while(|size| {
            bytes += **size;
            bytes <= MAX_BYTES
        });
        let may_stay = fitting.count().min(MAX_EVENTS - 1);
        let free = if may_stay == self.sizes.len() {
            1
        } else {
            self.sender.max_capacity() - may_stay
        };
        let mut permits = self.sender.reserve_many(free).await.map_err(|_| Closed)?;
        if let Some(permit) = permits.next() {
            permit.send(event);
        }
        drop(permits);
        self.sizes.push_back(size);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{AccessUnit, Track};
    use bytes::Bytes;
    use std::time::Duration;

    fn unit(bytes: usize) -> StreamEvent {
        let unit = AccessUnit {
            pts_us: 0,
            dts_us: 0,
            data: Bytes::from(vec![0; bytes]),
            keyframe: true,
        };
        StreamEvent::Unit(Track::Video, unit)
    }

    async fn fits(outlet: &mut Outlet, event: StreamEvent) -> bool {
        tokio::time::timeout(Duration::from_millis(20), outlet.send(event))
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn the_queue_is_bounded_by_bytes() {
        let (mut outlet, mut receiver) = Outlet::new();
        for _ in 0..4 {
            assert!(fits(&mut outlet, unit(MAX_BYTES / 4)).await);
        }
        assert!(!fits(&mut outlet, unit(1)).await);
        receiver.recv().await;
        assert!(fits(&mut outlet, unit(MAX_BYTES / 4)).await);
        assert!(!fits(&mut outlet, unit(MAX_BYTES / 4)).await);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_by_count() {
        let (mut outlet, mut receiver) = Outlet::new();
        for _ in 0..MAX_EVENTS {
            assert!(fits(&mut outlet, unit(1)).await);
        }
        assert!(!fits(&mut outlet, unit(1)).await);
        receiver.recv().await;
        assert!(fits(&mut outlet, unit(1)).await);
    }

    #[tokio::test]
    async fn an_oversized_unit_passes_alone() {
        let (mut outlet, mut receiver) = Outlet::new();
        assert!(fits(&mut outlet, unit(MAX_BYTES * 2)).await);
        assert!(!fits(&mut outlet, unit(1)).await);
        receiver.recv().await;
        assert!(fits(&mut outlet, unit(1)).await);
    }

    #[tokio::test]
    async fn sending_ends_with_the_receiver() {
        let (mut outlet, receiver) = Outlet::new();
        drop(receiver);
        assert!(outlet.send(unit(1)).await.is_err());
    }
}
