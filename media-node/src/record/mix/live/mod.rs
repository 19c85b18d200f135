//! Mixed recording of a live channel: one playlist for all users, and MP4 files.
//!
//! Three threads stand behind one another, so that a slow one holds up none before it for long: sessions take what users send;
//! `mixing` has the `desk`, which is free of tasks, sockets and clocks, mix it with the pictures left out that `pace` says;
//! `outputs` and `mp4` write files and may wait for the disk.

mod desk;
#[cfg(test)]
mod drift_tests;
mod images;
mod mixing;
mod mp4;
mod outputs;
mod pace;
#[cfg(test)]
mod same_bytes_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use protocol::{
    Desired, EndCause, Fault, Job, Mix, Refusal, RefusalCode, Roster, StreamName, StreamTypes, TrackKind, VideoQuality,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{MixOptions, Mixer};
use crate::capture::{Clock, Pace};
use crate::container::FileNames;
use crate::outbound::{Client, Targets};
use crate::record::follow::{self, Closed, Inlet, Input, Plan, Recorder, Rtsp, Tracks};
use crate::record::sink::SliceSink;
use crate::record::status::SharedBoard;
use crate::record::{Context, Status};
use crate::spool::Spool;
use desk::{Desk, Made, Wishes};
use images::Images;
use mixing::{Mixing, Told, tick};
use mp4::{Limits, Mp4Files};
use outputs::{Outputs, playlist_key};

/// Units and events on their way to the mixer: a second of forty users.
const QUEUE: usize = 4096;

/// Mixed units on their way to the disk: some ten seconds.
const MADE: usize = 1024;

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
        .spec
        .mix
        .as_ref()
        .ok_or_else(|| bad_job("a job of mode mix needs a mix"))?;
    let sides = [mix.output.width, mix.output.height];
    if sides.iter().any(|side| !(2..=MAX_SIDE).contains(side)) || !(1..=MAX_FPS).contains(&mix.output.fps) {
        return Err(bad_job("the mix is too small, too large or too fast"));
    }
    let settings = options.settings(mix.output, job.spec.subscription.types, 0);
    let mixer = Mixer::new(&settings, mix.scene.clone(), job.spec.subscription.clone());
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
    let types = context.job.spec.subscription.types;
    let wishes = Wishes {
        scene: mix.scene,
        subscription: context.job.spec.subscription,
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
        names: FileNames::of_mix(&context.job.sid, &context.job.recorder.channel).on_lane(context.job.assignment.lane),
        clock: context.clock,
        board: shared.board.clone(),
        targets: shared.options.targets,
    };
    let live = Live::start(plan, wishes, place);
    follow::run(shared, rosters, Rtsp, live, desired, status).await
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
    // Users are mixed with one another, and what comes too late by our clock misses its place.
    const PACE: Pace = Pace::Recorder;

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

fn write<S: SliceSink>(mut outputs: Outputs<S>, making: Receiver<Made>) {
    while let Ok(made) = making.recv() {
        outputs.take(made);
    }
    outputs.end();
}
