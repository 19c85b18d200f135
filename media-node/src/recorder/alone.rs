use std::path::PathBuf;
use std::sync::Arc;

use protocol::{Desired, Directive, EndCause, Job, Problem, RecordedFile};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::disk::on_disk;
use super::formats::formats;
use super::opening::open_spool;
use super::prepare::keep_indexes;
use crate::channel::NodeAddresses;
use crate::clock::unix_ms;
use crate::record::{self, Context, Ending, Options, Status};
use crate::spool::{self, Opening};
use crate::stream::Clock;
use crate::upload::{Store, Uploader};

/// Directory below the output's for slices that no playlist names yet; it is removed at the end.
const SPOOL: &str = ".spool";

/// A recording without an edge.
pub struct Alone {
    pub job: Job,
    /// The directory that takes the store's place.
    pub out: PathBuf,
    pub options: Options,
}

/// What a recording has left.
#[derive(Debug)]
pub struct Recorded {
    /// By their names in the directory.
    pub files: Vec<RecordedFile>,
    pub problems: Vec<Problem>,
}

/// Records into a directory until `until` resolves: the same capture, spool and playlists as with an edge. `status` tells how it
/// fares.
///
/// # Errors
/// When the directory cannot be written to, or a part of the recording breaks down.
pub async fn record(
    Alone { job, out, options }: Alone,
    status: watch::Sender<Status>,
    until: impl Future<Output = Result<(), String>>,
) -> Result<Recorded, String> {
    let dir = out.join(SPOOL).join(&job.sid);
    spool::store_job(&dir, &job).map_err(|error| error.to_string())?;
    let opening = Opening {
        epoch: job.epoch,
        at_ms: unix_ms(),
    };
    let spool = open_spool(&dir, opening).await.map_err(|error| error.to_string())?;
    keep_indexes(&spool, &job).await?;
    let formats = formats(Some(&job));
    let uploader = tokio::spawn(Uploader::new(Arc::clone(&spool), Store::Directory(out.clone()), None, formats).run());
    let wanted = Desired {
        epoch: job.epoch,
        directive: Directive::Record,
        subscription: job.spec.subscription.clone(),
        scene: None,
        keys: None,
        terms: Default::default(),
    };
    let (desired, desired_state) = watch::channel(wanted);
    let statuses = status.subscribe();
    let context = Context {
        clock: Clock::new(spool.started_ms()),
        spool: Arc::clone(&spool),
        addresses: NodeAddresses::default(),
        options,
        job,
        interruption: CancellationToken::new(),
    };
    let capture = tokio::spawn(record::run(context, desired_state, status));
    until.await?;
    desired.send_modify(|desired| desired.directive = Directive::Stop(EndCause::Stopped));
    let cause = match capture.await.map_err(|error| error.to_string())? {
        Ending::Over(cause) => cause,
        Ending::Interrupted => EndCause::Stopped,
    };
    on_disk(&spool, move |spool| spool.finish(cause)).await?;
    uploader.await.map_err(|error| error.to_string())?;
    let files = spool.files("");
    // Whoever holds it is at its end.
    drop(spool);
    match spool::remove(&dir) {
        Err(error) => tracing::warn!(spool = %dir.display(), %error, "the recording's spool stays"),
        // Another recording into the same directory has its spool there too.
        Ok(()) => {
            if let Err(error) = std::fs::remove_dir(out.join(SPOOL)) {
                tracing::debug!(%error, "the spools' directory stays");
            }
        }
    }
    let problems = statuses.borrow().problems.clone();
    Ok(Recorded { files, problems })
}
