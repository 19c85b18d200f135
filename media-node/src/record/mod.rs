//! What a recording writes: it turns the captured streams of a channel into slices of playlists and into pictures. It knows
//! users, tracks, subscriptions and the recording's timeline. It does not know how streams arrive, where rosters come from, how
//! files are kept or uploaded, and it never decides that a recording ends: the edge does, from the status it is told.

mod follow;
mod individual;
pub mod mix;
mod sink;
mod slicer;
mod snapshot;
mod status;
#[cfg(test)]
mod testing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Desired, EndCause, Job, MixCounters, Mode, Problem, Refusal, TrackKind};
use tokio::sync::watch;

use crate::capture::{Clock, Transport};
use crate::channel::{NodeAddresses, RosterError, RosterSource};
use crate::encryption::Keys;
use crate::outbound::Targets;
use crate::spool::Spool;

pub use mix::MixOptions;
use status::{Board, SharedBoard};

/// For how long a user who sends no video any more is shown with the last picture, in microseconds.
const LAST_PICTURE_US: i64 = 3_500_000;

/// What one recording works with.
pub struct Context {
    pub job: Job,
    pub spool: Arc<Spool>,
    /// Made from the wall-clock time of the recording's first start, also after a restart.
    pub clock: Clock,
    pub addresses: NodeAddresses,
    pub options: Options,
}

impl Context {
    fn shared(&self) -> follow::Shared {
        let slices_ms = self.spool.files("").iter().map(|file| file.start_ms).min();
        let first_media_ms = slices_ms.into_iter().chain(self.spool.pictures().first_ms).min();
        let started_ms = self.clock.wall_ms(self.clock.now_us());
        follow::Shared {
            clock: self.clock,
            board: SharedBoard::new(Board::new(started_ms, first_media_ms)),
            options: self.options.clone(),
            keys: self.keys(),
            presence: follow::Presence::of(&self.job),
        }
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        let decryption = self.job.spec.decryption.as_ref()?;
        let channel = &self.job.recorder.channel;
        Some(Arc::new(Keys::derive(decryption.cipher, &decryption.secret, channel)))
    }

    fn rosters(&self) -> Result<RosterSource, RosterError> {
        let recorder = &self.job.recorder;
        RosterSource::new(
            &self.job.spec.source,
            &recorder.app_id,
            &recorder.channel,
            &self.addresses,
        )
    }
}

/// What can be said of a job before it begins.
pub fn check(job: &Job, options: &Options) -> Result<(), Refusal> {
    match job.spec.mode {
        Mode::Individual => Ok(()),
        Mode::Mix => mix::live::check(job, &options.mix),
    }
}

/// Records until the directive says otherwise, and returns why it ended. Before it returns everything captured is in
/// committed files; finishing the spool is the caller's part. When `desired` is closed it ends as stopped.
pub async fn run(context: Context, desired: watch::Receiver<Desired>, status: watch::Sender<Status>) -> EndCause {
    match (context.job.spec.mode, context.job.spec.mix.clone()) {
        (Mode::Individual, _) => individual::run(context, desired, status).await,
        (Mode::Mix, Some(mix)) => mix::live::run(context, mix, desired, status).await,
        // Refused by `check`.
        (Mode::Mix, None) => EndCause::Failed,
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    /// A stream that sends nothing for so long is opened anew.
    pub silence_timeout: Duration,
    /// Users recorded at a time; who joins beyond it is left out, with a problem.
    pub max_users: usize,
    /// How media is asked for.
    pub transport: Transport,
    /// Where URLs that the customer gave may lead.
    pub targets: Targets,
    /// How mixes are made.
    pub mix: MixOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            silence_timeout: Duration::from_secs(10),
            max_users: 200,
            transport: Transport::default(),
            targets: Targets::default(),
            mix: MixOptions::default(),
        }
    }
}

/// How a recording fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Since when the channel is empty, in Unix milliseconds: no recorded stream brings media, and the roster shows nobody
    /// whose [presence](follow::Presence) counts. `None` while it is not.
    pub idle_since_ms: Option<u64>,
    /// Wall-clock time of the first recorded media.
    pub first_media_ms: Option<u64>,
    /// Packets that never came, by the gaps in their sequence numbers.
    pub lost_packets: u64,
    /// Of a mix.
    pub mix: Option<MixCounters>,
    /// The users' tracks that arrive at this moment.
    pub received: BTreeSet<(String, TrackKind)>,
    /// The newest problems, oldest first; at most 16.
    pub problems: Vec<Problem>,
}
