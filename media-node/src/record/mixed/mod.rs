//! Mixed recording of a channel: one playlist for all users, and whole files. What is seen and heard of the users is decided
//! and made by [`mix`](crate::mix); here it is fed by the wall clock, and what it makes is written.
//!
//! Three threads stand behind one another, so that a slow one holds up none before it for long: sessions take what users
//! send; `mixing` has the `feeder`, which is free of tasks, sockets and clocks, mix it with as many pictures left out as
//! `load_shedder` says; `outputs` writes files and may wait for the disk. `recorder` starts all of them, `images` fetches the
//! images that scenes name, and `texts` finds the fonts for what is written in them.

mod everybody;
mod feeder;
mod images;
mod load_shedder;
mod mixing;
mod outputs;
mod recorder;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod texts;

use protocol::{Desired, Directive, Fault, FileFormat, Job, Mix, Refusal, RefusalCode};
use tokio::sync::watch;

use super::context::Context;
use super::files::{Keeper, Limits};
use super::follow::{self, Rtsp};
use super::status::{Ending, Status};
use crate::mix::{MixOptions, Mixer, mp3_track};
use everybody::EVERYBODY;
use feeder::{MixSpec, Wishes};
use outputs::Wanted;
use recorder::{Destination, MixedRecorder};

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
) -> Ending {
    let shared = context.shared();
    let names = context.names().mix();
    let rosters = match context.rosters() {
        Ok(rosters) => rosters,
        Err(error) => return follow::refuse(&shared, &error, &status),
    };
    let types = context.job.spec.subscription.types;
    let (formats, outputs) = (context.job.spec.whole_files(), context.job.spec.outputs.clone());
    let limits = Limits::of(outputs.max_ms);
    let wishes = Wishes {
        paused: desired.borrow().directive == Directive::Pause,
        scene: mix.scene,
        subscription: context.job.spec.subscription,
        present: Vec::new(),
    };
    let spec = MixSpec {
        output: mix.output,
        types,
        options: shared.options.mix.clone(),
        epoch_ms: context.clock.wall_ms(0),
        mp3: formats.contains(&FileFormat::Mp3),
        split_us: outputs.max_ms.map(|_| limits.duration_us),
    };
    let files = (!formats.is_empty()).then(|| Wanted {
        keeper: Keeper::new(context.spool.clone(), context.clock, shared.board.clone()),
        formats,
        limits,
        mp3: mp3_track(mix.output.audio),
    });
    let destination = Destination {
        hls: outputs.hls,
        files,
        recorded_us: context.spool.lone_end_us(EVERYBODY),
        sink: context.spool,
        names,
        clock: context.clock,
        board: shared.board.clone(),
        targets: shared.options.targets,
    };
    let recorder = MixedRecorder::start(spec, wishes, destination);
    follow::run(shared, rosters, Rtsp, recorder, desired, status).await
}
