//! What a recording writes: it turns the captured streams of a channel into slices of playlists and into pictures. It knows
//! users, tracks, subscriptions and the recording's timeline. It does not know how streams arrive, where rosters come from, how
//! files are kept or uploaded, and it never decides that a recording ends: the edge does, from the status it is told.
//!
//! `follow` opens and closes the users' streams; `individual` and `mixed` are what takes them, one for each mode, with
//! `snapshot` beside `individual`; `slicer` cuts playlists, `sink` keeps what is cut, and `files` writes whole files. `context` and `options` are what a
//! recording works with, `room` bounds its queues, `status` says how it fares.

mod context;
mod files;
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

use protocol::{Desired, EndCause, Fault, FileFormat, Job, Mode, Refusal, RefusalCode, StreamTypes};
use tokio::sync::watch;

use crate::mix;

pub use context::Context;
pub use options::Options;
pub use status::{Ending, Status};

/// Refuses a job that cannot be recorded, as far as that is known before it begins.
pub fn check(job: &Job, options: &Options) -> Result<(), Refusal> {
    check_outputs(job)?;
    match job.spec.mode {
        Mode::Individual => Ok(()),
        Mode::Mix => mixed::check(job, &options.mix),
    }
}

/// What is to be written can be written of what is recorded, and by this machine.
fn check_outputs(job: &Job) -> Result<(), Refusal> {
    let spec = &job.spec;
    let formats = spec.whole_files();
    let bad_job = |reason: &str| Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: reason.to_owned(),
    };
    let is_silent = spec.subscription.types == StreamTypes::Video;
    if is_silent && formats.iter().any(|format| *format != FileFormat::Mp4) {
        return Err(bad_job("a recording without sound has no M4A or MP3 files"));
    }
    if !spec.outputs.hls && formats.is_empty() {
        return Err(bad_job("a recording without playlists needs whole files"));
    }
    if formats.contains(&FileFormat::Mp3) {
        mix::try_mp3().map_err(|error| Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason: format!("no MP3 files can be written: {error}; has the node's FFmpeg LAME?"),
        })?;
    }
    Ok(())
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
