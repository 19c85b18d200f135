//! The thread that mixes: it tells the feeder what comes and what time it is, and hands on what the feeder makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use protocol::{Fault, MixCounters, ProblemCode, SecretUrl, StreamName};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};

use super::feeder::{Feeder, Made, Wishes};
use super::load_shedder::Overload;
use crate::media::Picture;
use crate::mix::{Counters, MixError};
use crate::record::room::Held;
use crate::record::status::{SharedBoard, problem};
use crate::selection::Area;
use crate::stream::{Clock, StreamEvent};
use crate::text::Fonts;

/// How often at least the thread mixes what is due.
const TICK: Duration = Duration::from_millis(20);

const ENCODER: &str = "encoder";
const OVERLOADED: &str = "overloaded";

/// What the mixing thread is told.
pub enum MixEvent {
    Event {
        uid: Arc<str>,
        stream: StreamName,
        event: Held<StreamEvent>,
    },
    Image {
        url: SecretUrl,
        picture: Picture,
    },
    /// What texts are drawn with.
    Fonts(Fonts),
    Tick,
}

/// Wakes the mixing thread as long as somebody else sends it events. With a full queue it is awake.
pub async fn tick(events: mpsc::WeakSender<MixEvent>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        match events.upgrade() {
            Some(events) => drop(events.try_send(MixEvent::Tick)),
            None => return,
        }
    }
}

/// What the mixing thread works with.
pub struct Mixing {
    pub feeder: Feeder,
    pub queue: mpsc::Receiver<MixEvent>,
    pub wished: watch::Receiver<Wishes>,
    pub made: SyncSender<Made>,
    /// How large the cameras of users are shown.
    pub areas: watch::Sender<BTreeMap<String, Area>>,
    /// The streams of whose pictures nothing can be shown before their next keyframes.
    pub lacking: watch::Sender<BTreeSet<(String, StreamName)>>,
    pub clock: Clock,
    pub board: SharedBoard,
}

impl Mixing {
    /// Runs until nobody is left to send events.
    pub fn run(mut self) {
        loop {
            let behind = self.feeder.behind_us(self.clock.now_us()) > TICK.as_micros() as i64;
            let event = if behind {
                self.queue.try_recv()
            } else {
                self.queue.blocking_recv().ok_or(TryRecvError::Disconnected)
            };
            match event {
                Ok(event) => self.take(event),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            while let Ok(event) = self.queue.try_recv() {
                self.take(event);
            }
            self.advance();
        }
        let (now_us, mut each) = (self.clock.now_us(), hand_over(&self.made, &self.board, self.clock));
        self.feeder.end(now_us, &mut each);
        drop(each);
        self.tell_counters();
    }

    fn take(&mut self, event: MixEvent) {
        let now_us = self.clock.now_us();
        if self.wished.has_changed().unwrap_or(false) {
            let wishes = self.wished.borrow_and_update().clone();
            let mut each = hand_over(&self.made, &self.board, self.clock);
            self.feeder.follow(wishes, now_us, &mut each);
        }
        match event {
            MixEvent::Event { uid, stream, event } => {
                if let Err(error) = self.feeder.event(&uid, stream, event.what, now_us) {
                    let mut each = hand_over(&self.made, &self.board, self.clock);
                    self.feeder.fail(error, now_us, &mut each);
                }
            }
            MixEvent::Image { url, picture } => self.feeder.image(url, picture, now_us),
            MixEvent::Fonts(fonts) => self.feeder.fonts(fonts, now_us),
            MixEvent::Tick => {}
        }
    }

    fn advance(&mut self) {
        let (now_us, mut each) = (self.clock.now_us(), hand_over(&self.made, &self.board, self.clock));
        self.feeder.advance(now_us, &mut each);
        drop(each);
        self.tell_counters();
        let lacking = self.feeder.lacking_keyframes();
        if *self.lacking.borrow() != lacking {
            self.lacking.send_replace(lacking);
        }
        if let Some(areas) = self.feeder.areas() {
            self.areas.send_if_modified(|told| {
                let has_changed = told != areas;
                if has_changed {
                    told.clone_from(areas);
                }
                has_changed
            });
        }
    }

    fn tell_counters(&mut self) {
        for uid in self.feeder.take_undecodable() {
            let message = format!(
                "much of what user {uid} sends cannot be decoded, and is missing in the mix: check its publisher's encoder"
            );
            let now_ms = self.clock.wall_ms(self.clock.now_us());
            let told = problem(Fault::Destination, ProblemCode::UnsupportedMedia, message, now_ms);
            self.board.lock().problem_once(&format!("undecodable {uid}"), told);
        }
        let behind_ms = self.feeder.behind_us(self.clock.now_us()).unsigned_abs() / 1000;
        let counters = counters(&self.feeder.counters(), behind_ms);
        self.board.lock().mixed(counters, self.feeder.speaker());
    }
}

/// Sends what the feeder makes to the writer, and tells the board of its failures and overload.
fn hand_over(made: &SyncSender<Made>, board: &SharedBoard, clock: Clock) -> impl FnMut(Made) {
    move |out| {
        let now_ms = clock.wall_ms(clock.now_us());
        match &out {
            Made::Failed(error) => {
                let told = problem(Fault::Ours, ProblemCode::EncoderFailed, failed(error), now_ms);
                return board.lock().problem_once(ENCODER, told);
            }
            Made::Overload(Overload::Begins) => {
                let message = "the node cannot keep up with this mix: pictures are left out, sound is not; give the node \
                               more processors or fewer recordings, or its encoder a faster preset";
                let told = problem(Fault::Ours, ProblemCode::Overloaded, message.to_owned(), now_ms);
                return board.lock().problem_once(OVERLOADED, told);
            }
            Made::Overload(Overload::Ends) => return board.lock().over(OVERLOADED),
            Made::Begin(_) => board.lock().over(ENCODER),
            Made::Unit(_) | Made::Pause | Made::End => {}
        }
        // Without a writer the recording is about to end.
        let _ = made.send(out);
    }
}

fn failed(error: &MixError) -> String {
    format!("{error}; it is retried: are the node's encoder settings right for this machine?")
}

fn counters(counters: &Counters, behind_ms: u64) -> MixCounters {
    MixCounters {
        frames: counters.frames,
        frames_repeated: counters.frames_repeated,
        frames_shed: counters.frames_shed,
        pixels_decoded: counters.pixels_decoded,
        pictures_lost: counters.video_units_dropped + counters.units_undecodable + counters.pictures_unusable,
        samples: counters.samples,
        samples_missing: counters.samples_missing,
        behind_ms,
    }
}
