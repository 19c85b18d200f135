//! Mixed recording of a live channel: one playlist for all users, and MP4 files.
//!
//! Three threads stand behind one another, so that a slow one holds up none before it for long: sessions take what users send;
//! the `desk`, which is free of tasks, sockets and clocks, mixes it with the pictures left out that `pace` says; `outputs`
//! and `mp4` write files and may wait for the disk.

mod desk;
mod images;
mod mp4;
mod outputs;
mod pace;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use protocol::{
    Desired, EndCause, Fault, Job, Mix, MixCounters, Refusal, RefusalCode, Roster, StreamName, StreamTypes, TrackKind,
    VideoQuality,
};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Counters, MixError, MixOptions, Mixer};
use crate::capture::{CaptureEvent, Clock};
use crate::container::FileNames;
use crate::media::Picture;
use crate::outbound::{Client, Targets};
use crate::record::follow::{self, Closed, Inlet, Input, Plan, Recorder, Rtsp, Tracks};
use crate::record::sink::SliceSink;
use crate::record::status::{SharedBoard, problem};
use crate::record::{Context, Status};
use crate::spool::Spool;
use desk::{Desk, Made, Wishes};
use images::Images;
use mp4::{Limits, Mp4Files};
use outputs::{Outputs, playlist_key};
use pace::Spell;

/// Units and events on their way to the mixer: a second of forty users.
const QUEUE: usize = 4096;

/// Mixed units on their way to the disk: some ten seconds.
const MADE: usize = 1024;

/// The mixer looks after what is due at least so often.
const TICK: Duration = Duration::from_millis(20);

const ENCODER: &str = "encoder";
const OVERLOADED: &str = "overloaded";

/// Largest side of a mix in pixels, and most frames a second.
const MAX_SIDE: u32 = 4096;
const MAX_FPS: u32 = 120;

/// What a job of this mode needs: a mix that can be made, and encoders that this machine has.
pub fn check(job: &Job, options: &MixOptions) -> Result<(), Refusal> {
    let bad_job = |reason: &str| Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: reason.to_owned(),
    };
    let mix = job
        .mix
        .as_ref()
        .ok_or_else(|| bad_job("a job of mode mix needs a mix"))?;
    let sides = [mix.output.width, mix.output.height];
    if sides.iter().any(|side| !(2..=MAX_SIDE).contains(side)) || !(1..=MAX_FPS).contains(&mix.output.fps) {
        return Err(bad_job("the mix is too small, too large or too fast"));
    }
    let settings = options.settings(mix.output, job.subscription.types, 0);
    let mixer = Mixer::new(&settings, mix.scene.clone(), job.subscription.clone());
    mixer.map(drop).map_err(|error| Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason: error.to_string(),
    })
}

/// See [`record::run`](crate::record::run). All that was mixed is in committed slices at the end.
pub async fn run(
    context: Context,
    mix: Mix,
    desired: watch::Receiver<Desired>,
    status: watch::Sender<Status>,
) -> EndCause {
    let shared = context.shared();
    let rosters = match context.rosters() {
        Ok(rosters) => rosters,
        Err(error) => return follow::refuse(&shared, &error, &status),
    };
    let types = context.job.subscription.types;
    let wishes = Wishes {
        scene: mix.scene,
        subscription: context.job.subscription,
        present: Vec::new(),
    };
    let plan = desk::Plan {
        output: mix.output,
        types,
        options: shared.options.mix.clone(),
    };
    let place = Place {
        mp4: mix.mp4.then(|| context.spool.clone()),
        sink: context.spool,
        names: FileNames::of_mix(&context.job.sid, &context.job.recorder.channel).on_lane(context.job.placement.lane),
        clock: context.clock,
        board: shared.board.clone(),
        targets: shared.options.targets,
    };
    let live = Live::start(plan, wishes, place);
    follow::run(shared, rosters, Rtsp, live, desired, status).await
}

/// What the desk is told.
enum Told {
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

/// Where a mix goes, and where it is told of.
struct Place<S> {
    sink: Arc<S>,
    /// Where MP4 files are kept, if they are asked for.
    mp4: Option<Arc<Spool>>,
    names: FileNames,
    clock: Clock,
    board: SharedBoard,
    /// Where images may be fetched from.
    targets: Targets,
}

/// A mix in the making.
struct Live {
    told: mpsc::Sender<Told>,
    wishes: watch::Sender<Wishes>,
    clock: Clock,
    mixing: JoinHandle<()>,
    writing: JoinHandle<()>,
}

impl Live {
    fn start<S: SliceSink>(plan: desk::Plan, wishes: Wishes, place: Place<S>) -> Self {
        let Place {
            sink,
            mp4,
            names,
            clock,
            board,
            targets,
        } = place;
        let track = match plan.types {
            StreamTypes::Audio => TrackKind::Audio,
            StreamTypes::Video => TrackKind::Video,
            StreamTypes::Both => TrackKind::Both,
        };
        let (told, queue) = mpsc::channel(QUEUE);
        let (wish, wished) = watch::channel(wishes.clone());
        let (made, making) = sync_channel(MADE);
        tokio::spawn(tick(told.downgrade()));
        match Client::new(targets) {
            Ok(client) => {
                let images = Images {
                    client,
                    width: plan.output.width,
                    height: plan.output.height,
                    told: told.downgrade(),
                    board: board.clone(),
                    clock,
                };
                tokio::spawn(images.follow(wish.subscribe()));
            }
            Err(error) => tracing::error!(%error, "no images can be fetched"),
        }
        let mixing = {
            let (sink, board) = (sink.clone(), board.clone());
            tokio::task::spawn_blocking(move || {
                let recorded_us = sink
                    .last(&playlist_key(track))
                    .map_or(i64::MIN, |last| last.start_us.saturating_add(last.duration_us));
                let mixing = Mixing {
                    desk: Desk::new(plan, wishes, recorded_us),
                    queue,
                    wished,
                    made,
                    clock,
                    board,
                };
                mixing.run();
            })
        };
        let writing = tokio::task::spawn_blocking(move || {
            let mp4 = mp4.map(|spool| {
                let limits = Limits::default();
                Mp4Files::new(spool, names.clone(), track, limits, clock, board.clone())
            });
            write(Outputs::new(sink, clock, board, names, track, mp4), making);
        });
        Self {
            told,
            wishes: wish,
            clock,
            mixing,
            writing,
        }
    }
}

impl Recorder for Live {
    type Inlet = Line;

    const PICTURES: fn(VideoQuality) -> &'static [StreamName] = |quality| {
        use StreamName::{Camera, Low, Screen, Whiteboard};
        match quality {
            VideoQuality::High => &[Camera, Screen, Whiteboard, Low],
            VideoQuality::Low => &[Low, Camera, Screen, Whiteboard],
        }
    };

    fn begin(&mut self, uid: &str, _: Tracks) -> (Line, impl Future<Output = ()> + Send + 'static) {
        let line = Line {
            uid: uid.into(),
            told: self.told.clone(),
        };
        (line, async {})
    }

    fn follow(&mut self, roster: &Roster, plan: &Plan, desired: &Desired) {
        let present = roster
            .users
            .iter()
            .filter(|user| !plan.left_out.contains(&user.uid))
            .map(|user| (user.uid.clone(), self.clock.media_us(user.joined_at_ms)))
            .collect();
        self.wishes.send_if_modified(|wishes| {
            let wanted = Wishes {
                scene: desired.scene.clone().unwrap_or_else(|| wishes.scene.clone()),
                subscription: desired.subscription.clone(),
                present,
            };
            let changed = *wishes != wanted;
            *wishes = wanted;
            changed
        });
    }

    fn goes_on(&self) -> bool {
        !self.mixing.is_finished() && !self.writing.is_finished()
    }

    async fn end(self) {
        let Self {
            told, mixing, writing, ..
        } = self;
        drop(told);
        for thread in [mixing, writing] {
            if let Err(error) = thread.await {
                // Nothing records any more: the process ends, and the next one goes on.
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// Of one user.
#[derive(Clone)]
struct Line {
    uid: Arc<str>,
    told: mpsc::Sender<Told>,
}

impl Inlet for Line {
    async fn take(&self, input: Input) -> Result<(), Closed> {
        match input {
            Input::Event(stream, event) => {
                let uid = self.uid.clone();
                let told = Told::Event { uid, stream, event };
                self.told.send(told).await.map_err(|_| Closed)
            }
            // The subscription is known to the desk, and time passes there for all users.
            Input::Wanted(_) | Input::Tick if self.told.is_closed() => Err(Closed),
            Input::Wanted(_) | Input::Tick => Ok(()),
        }
    }
}

/// Wakes the mixer as long as somebody else talks to it. One that does not listen is awake.
async fn tick(told: mpsc::WeakSender<Told>) {
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
struct Mixing {
    desk: Desk,
    queue: mpsc::Receiver<Told>,
    wished: watch::Receiver<Wishes>,
    made: SyncSender<Made>,
    clock: Clock,
    board: SharedBoard,
}

impl Mixing {
    fn run(mut self) {
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

fn write<S: SliceSink>(mut outputs: Outputs<S>, making: Receiver<Made>) {
    while let Ok(made) = making.recv() {
        outputs.take(made);
    }
    outputs.end();
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
