use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use tracing::Span;

use super::sink::Snapshots;
use super::taker::{Subject, Taker};
use crate::stream::{AccessUnit, Coding};

/// The most that waits for the thread; a single larger unit passes alone.
const MOST_UNITS: usize = 512;
const MOST_BYTES: usize = 16 << 20;

/// What has become of the user's video.
enum VideoEvent {
    /// What the units that follow are coded in.
    Coding(Coding),
    Unit(AccessUnit),
    /// The video has ended, or is not wanted any more.
    Ended,
}

/// A thread that takes the pictures of one user. Nothing that it does, and no failure of it, holds up who feeds it: when
/// it does not keep up, units are left out as far as the next key frame.
pub(super) struct PictureThread {
    sender: SyncSender<VideoEvent>,
    /// The size of the units on their way.
    bytes: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
    /// Units are left out until a key frame comes.
    skipping: bool,
}

/// Why a unit does not reach the thread.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the node does not keep up with taking them")]
    Behind,
    #[error("they stopped because of a defect in the node")]
    Gone,
    #[error("they need a thread that cannot be started ({0})")]
    NotStarted(io::Error),
}

impl PictureThread {
    pub(super) fn start(subject: Subject, snapshots: Snapshots) -> io::Result<Self> {
        let (sender, queue) = sync_channel(MOST_UNITS);
        let bytes = Arc::new(AtomicUsize::new(0));
        let (span, counter) = (Span::current(), Arc::clone(&bytes));
        let thread = thread::Builder::new()
            .name("pictures".to_owned())
            .spawn(move || span.in_scope(|| run(Taker::new(subject, snapshots), &queue, &counter)))?;
        Ok(Self {
            sender,
            bytes,
            thread,
            skipping: false,
        })
    }

    /// How the units that follow are coded; the first of them is a key frame.
    pub(super) fn coding(&self, coding: Coding) {
        // Waits for one unit at most. Without the thread there is nothing to decode.
        let _ = self.sender.send(VideoEvent::Coding(coding));
    }

    /// The next unit in decoding order.
    pub(super) fn unit(&mut self, unit: &AccessUnit) -> Result<(), Refused> {
        if self.skipping && !unit.keyframe {
            return Ok(());
        }
        let size = unit.data.len();
        let waiting = self.bytes.load(Ordering::Relaxed);
        let sent = if waiting > 0 && waiting + size > MOST_BYTES {
            Err(Refused::Behind)
        } else {
            self.bytes.fetch_add(size, Ordering::Relaxed);
            self.sender.try_send(VideoEvent::Unit(unit.clone())).map_err(|error| {
                self.bytes.fetch_sub(size, Ordering::Relaxed);
                match error {
                    TrySendError::Full(_) => Refused::Behind,
                    TrySendError::Disconnected(_) => Refused::Gone,
                }
            })
        };
        self.skipping = sent.is_err();
        sent
    }

    /// Whether it waits for a keyframe and could go on with one: while it still has to work off what came before, one would be left out
    /// as well.
    pub(super) fn lacks_keyframe(&self) -> bool {
        self.skipping && self.bytes.load(Ordering::Relaxed) == 0 && !self.thread.is_finished()
    }

    /// The video has ended, or is not wanted any more; it may begin again.
    pub(super) fn ended(&self) {
        // Waits for one unit at most. Without the thread there is nothing to end.
        let _ = self.sender.send(VideoEvent::Ended);
    }

    /// Waits until what is due of the units so far is kept.
    pub(super) fn finish(self) -> Result<(), Refused> {
        drop(self.sender);
        self.thread.join().map_err(|_| Refused::Gone)
    }
}

fn run(mut taker: Taker, queue: &Receiver<VideoEvent>, bytes: &AtomicUsize) {
    while let Ok(event) = queue.recv() {
        match event {
            VideoEvent::Unit(unit) => {
                let size = unit.data.len();
                taker.unit(unit);
                bytes.fetch_sub(size, Ordering::Relaxed);
            }
            VideoEvent::Coding(coding) => taker.coding(coding),
            VideoEvent::Ended => taker.end(),
        }
    }
    taker.end();
}
