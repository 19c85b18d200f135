//! What a recording writes: it turns the captured streams of a channel into slices of playlists and into pictures. It knows
//! users, tracks, subscriptions and the recording's timeline. It does not know how streams arrive, where rosters come from, how
//! files are kept or uploaded, and it never decides that a recording ends: the edge does, from the status it is told.
//!
//! `follow` opens and closes the users' streams; `individual` and `mixed` are what takes them, one for each mode, with
//! `snapshot` beside `individual`; `slicer` cuts playlists, and `sink` keeps what is cut. `context` and `options` are what a
//! recording works with, `room` bounds its queues, `status` says how it fares.

mod context;
mod follow;
mod individual;
mod mixed;
mod options;
mod room;
mod sink;
mod slicer;
mod snapshot;
mod status;
#[cfg(test)]
mod testing;

use protocol::{Desired, EndCause, Job, Mode, Refusal};
use tokio::sync::watch;

pub use context::Context;
pub use options::Options;
pub use status::{Ending, Status};

/// Refuses a job that cannot be recorded, as far as that is known before it begins.
pub fn check(job: &Job, options: &Options) -> Result<(), Refusal> {
    match job.spec.mode {
        Mode::Individual => Ok(()),
        Mode::Mix => mixed::check(job, &options.mix),
    }
}

/// Records until the directive says otherwise or it is interrupted, and returns how it ended. Before it returns everything
/// captured is in committed files; finishing the spool is the caller's part. When `desired` is closed it ends as stopped.
pub async fn run(context: Context, desired: watch::Receiver<Desired>, status: watch::Sender<Status>) -> Ending {
    match (context.job.spec.mode, context.job.spec.mix.clone()) {
        (Mode::Individual, _) => individual::run(context, desired, status).await,
        (Mode::Mix, Some(mix)) => mixed::run(context, mix, desired, status).await,
        // Refused by `check`.
        (Mode::Mix, None) => Ending::Over(EndCause::Failed),
    }
}
