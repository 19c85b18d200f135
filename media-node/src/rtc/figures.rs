use std::sync::atomic::{AtomicU64, Ordering};

use super::threads::Threads;
use super::watch::{Board, Quality};

/// What the sessions of this node have done since it began.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) publishing: AtomicU64,
    pub(super) playing: AtomicU64,
    pub(super) received_packets: AtomicU64,
    pub(super) received_bytes: AtomicU64,
    pub(super) sent_packets: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    pub(super) dropped_packets: AtomicU64,
    pub(super) keyframes_asked: AtomicU64,
    pub(super) failed_sessions: AtomicU64,
    pub(super) refused_offers: AtomicU64,
    /// Each of the present sessions.
    pub(super) board: Board,
    pub(super) threads: Threads,
}

/// [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Sessions at present.
    pub publishing: u64,
    pub playing: u64,
    pub received_packets: u64,
    pub received_bytes: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    /// What a session, or a socket, had no room for.
    pub dropped_packets: u64,
    /// Keyframes that publishers were asked for.
    pub keyframes_asked: u64,
    /// Sessions that ended by a fault of this software.
    pub failed_sessions: u64,
    /// Offers that nothing could be taken of, or that could not be given what they ask for.
    pub refused_offers: u64,
    /// Streams whose sound is made Opus at present.
    pub transcoded_sounds: u64,
    /// Streams whose picture is encoded anew, without B-frames.
    pub transcoded_pictures: u64,
    /// Players who get the sound alone for the time being, because their way does not carry the picture.
    pub paused_pictures: u64,
    pub quality: Quality,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub fn read(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            publishing: read(&self.publishing),
            playing: read(&self.playing),
            received_packets: read(&self.received_packets),
            received_bytes: read(&self.received_bytes),
            sent_packets: read(&self.sent_packets),
            sent_bytes: read(&self.sent_bytes),
            dropped_packets: read(&self.dropped_packets),
            keyframes_asked: read(&self.keyframes_asked),
            failed_sessions: read(&self.failed_sessions),
            refused_offers: read(&self.refused_offers),
            transcoded_sounds: 0,
            transcoded_pictures: 0,
            paused_pictures: self.board.paused(),
            quality: self.board.quality(),
        }
    }
}

/// One session, as long as it is kept.
pub(super) struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    pub(super) fn new(counter: &'a AtomicU64) -> Self {
        Counters::add(counter, 1);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
