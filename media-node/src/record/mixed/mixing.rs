//! The thread that mixes: it tells the desk what comes and what time it is, and hands on what the desk makes.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use protocol::{Fault, MixCounters, StreamName};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};

use super::desk::{Desk, Made, Wishes};
use super::pace::Spell;
use crate::capture::{CaptureEvent, Clock};
use crate::media::Picture;
use crate::mix::{Counters, MixError};
use crate::record::status::{SharedBoard, problem};

/// The mixer looks after what is due at least so often.
const TICK: Duration = Duration::from_millis(20);

const ENCODER: &str = "encoder";
const OVERLOADED: &str = "overloaded";

/// What the desk is told.
pub enum Told {
    Event {
        uid: Arc<str>,
        stream: StreamName,
        event: CaptureEvent,
    },
    Image {
        url: String,
        picture: Picture,
    },
    Tick,
}

/// Wakes the mixer as long as somebody else talks to it. One that does not listen is awake.
pub async fn tick(told: mpsc::WeakSender<Told>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        match told.upgrade() {
            Some(told) => drop(told.try_send(Told::Tick)),
            None => return,
        }
    }
}

/// What the mixing thread works with.
pub struct Mixing {
    pub desk: Desk,
    pub queue: mpsc::Receiver<Told>,
    pub wished: watch::Receiver<Wishes>,
    pub made: SyncSender<Made>,
    pub clock: Clock,
    pub board: SharedBoard,
}

impl Mixing {
    /// Until nobody tells anything any more.
    pub fn run(mut self) {
        loop {
            let behind = self.desk.behind_us(self.clock.now_us()) > TICK.as_micros() as i64;
            let told = if behind {
                self.queue.try_recv()
            } else {
                self.queue.blocking_recv().ok_or(TryRecvError::Disconnected)
            };
            match told {
                Ok(told) => self.take(told),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            while let Ok(told) = self.queue.try_recv() {
                self.take(told);
            }
            self.advance();
        }
        let (now_us, mut each) = (self.clock.now_us(), hand_over(&self.made, &self.board, self.clock));
        self.desk.end(now_us, &mut each);
        self.tell_counters();
    }

    fn take(&mut self, told: Told) {
        let now_us = self.clock.now_us();
        if self.wished.has_changed().unwrap_or(false) {
            let wishes = self.wished.borrow_and_update().clone();
            self.desk.follow(wishes, now_us);
        }
        match told {
            Told::Event { uid, stream, event } => {
                if let Err(error) = self.desk.event(&uid, stream, event, now_us) {
                    let mut each = hand_over(&self.made, &self.board, self.clock);
                    self.desk.fail(error, now_us, &mut each);
                }
            }
            Told::Image { url, picture } => self.desk.image(url, picture, now_us),
            Told::Tick => {}
        }
    }

    fn advance(&mut self) {
        let (now_us, mut each) = (self.clock.now_us(), hand_over(&self.made, &self.board, self.clock));
        self.desk.advance(now_us, &mut each);
        self.tell_counters();
    }

    fn tell_counters(&self) {
        let behind_ms = self.desk.behind_us(self.clock.now_us()).unsigned_abs() / 1000;
        self.board.lock().mixed(counters(&self.desk.counters(), behind_ms));
    }
}

/// What the desk makes goes to the writer, what it tells to the board.
fn hand_over(made: &SyncSender<Made>, board: &SharedBoard, clock: Clock) -> impl FnMut(Made) {
    move |out| {
        let now_ms = clock.wall_ms(clock.now_us());
        match &out {
            Made::Failed(error) => {
                let told = problem(Fault::Ours, "encoder_failed", failed(error), now_ms);
                return board.lock().problem_once(ENCODER, told);
            }
            Made::Spell(Spell::Begins) => {
                let message = "the node cannot keep up with this mix: pictures are left out, sound is not; give the node \
                               more processors or fewer recordings, or its encoder a faster preset";
                let told = problem(Fault::Ours, "overloaded", message.to_owned(), now_ms);
                return board.lock().problem_once(OVERLOADED, told);
            }
            Made::Spell(Spell::Ends) => return board.lock().over(OVERLOADED),
            Made::Begin(_) => board.lock().over(ENCODER),
            Made::Unit(_) | Made::End => {}
        }
        // Without a writer the recording is about to end.
        let _ = made.send(out);
    }
}

fn failed(error: &MixError) -> String {
    format!("{error}; it is tried again: are the node's encoder settings right for this machine?")
}

fn counters(counters: &Counters, behind_ms: u64) -> MixCounters {
    MixCounters {
        frames: counters.frames,
        frames_repeated: counters.frames_repeated,
        frames_shed: counters.frames_shed,
        pictures_lost: counters.video_units_dropped + counters.units_undecodable + counters.pictures_unusable,
        samples: counters.samples,
        samples_missing: counters.samples_missing,
        behind_ms,
    }
}
