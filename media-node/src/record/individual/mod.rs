//! Individual recording: one audio and one video playlist for each user.
//!
//! `plan` says, from the roster and the subscription, which streams are wanted; `engine` follows both and keeps a task
//! for each wanted user; `user` runs a user's sessions, opens them again and hands what they bring to a thread that may
//! wait for the disk; `tracks` is what that thread does, `sound` the part of it where Opus becomes AAC (`transcode`).
//! All but `engine` and `user` are free of tasks, sockets and clocks.

mod engine;
mod plan;
mod sound;
#[cfg(test)]
mod sound_tests;
#[cfg(test)]
mod tests;
mod tracks;
mod transcode;
#[cfg(test)]
mod transcode_tests;
mod user;

use protocol::{Desired, EndCause, Roster, Source};
use tokio::sync::{mpsc, watch};

use super::status::{Board, SharedBoard};
use super::{Context, Status};
use crate::capture::{self, CaptureEvent, CaptureRequest};
use crate::channel::{Credentials, RosterError, RosterSource};

/// Records until the directive says otherwise, and returns why it ended. Before it returns every captured unit is in a
/// committed slice; finishing the spool is the caller's part. When `desired` is closed it ends as stopped.
pub async fn run(context: Context, desired: watch::Receiver<Desired>, status: watch::Sender<Status>) -> EndCause {
    let Context {
        job,
        spool,
        clock,
        addresses,
        options,
    } = context;
    let first_media_ms = spool.files("").iter().map(|file| file.start_ms).min();
    let board = SharedBoard::new(Board::new(clock.wall_ms(clock.now_us()), first_media_ms));
    let shared = engine::Shared {
        sink: spool,
        clock,
        board,
        options,
        sid: job.sid,
        channel: job.recorder.channel,
        roster_tells_presence: !matches!(job.source, Source::Static { .. }),
    };
    match RosterSource::new(&job.source, &job.recorder.app_id, &shared.channel, &addresses) {
        Ok(rosters) => engine::run(shared, rosters, Rtsp, desired, status).await,
        Err(error) => engine::refuse(&shared, &error, &status),
    }
}

/// Who is in the channel.
trait Rosters: Send {
    /// At once with the present roster, then at changes. An error means that the roster is not known at present.
    fn next(&mut self) -> impl Future<Output = Result<Roster, RosterError>> + Send;
    fn credentials(&self, uid: &str) -> Option<Credentials>;
}

impl Rosters for RosterSource {
    fn next(&mut self) -> impl Future<Output = Result<Roster, RosterError>> + Send {
        Self::next(self)
    }

    fn credentials(&self, uid: &str) -> Option<Credentials> {
        Self::credentials(self, uid)
    }
}

/// What opens streams.
trait Captures: Clone + Send + Sync + 'static {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<CaptureEvent>;
}

#[derive(Clone, Copy)]
struct Rtsp;

impl Captures for Rtsp {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<CaptureEvent> {
        capture::open(request)
    }
}
