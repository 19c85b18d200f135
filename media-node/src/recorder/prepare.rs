//! From a job to an open spool and its stores.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Assignment, Desired, Fault, Job, Refusal, RefusalCode, Storage, StorageKind};
use tokio::sync::watch;
use tokio::time::Instant;

use super::disk::on_disk;
use super::opening::open_spool;
use crate::outbound;
use crate::record::{self, Options};
use crate::spool::{Opening, Spool, SpoolError};
use crate::upload::{self, BackupStore, Bucket, Store};

/// A process whose supervisor was killed ends by itself and gives the spool free.
const HANDOVER_TIME: Duration = Duration::from_secs(10);
const HANDOVER_STEP: Duration = Duration::from_millis(50);
/// A clock that differs from the edge's by more than this is wrong; by less, the job was on its way.
const SKEW_MS: u64 = 2_000;

/// Where the recording's timeline begins by this machine's clock.
pub(super) fn beginning(assignment: &Assignment, here_ms: u64) -> u64 {
    match (assignment.started_ms, assignment.now_ms) {
        (Some(started_ms), Some(there_ms)) if here_ms.abs_diff(there_ms) > SKEW_MS => {
            tracing::warn!(
                here_ms,
                there_ms,
                "the clocks of this machine and of the edge differ: times in names are this machine's"
            );
            here_ms.saturating_sub(there_ms.saturating_sub(started_ms))
        }
        (Some(started_ms), _) => started_ms,
        (None, _) => here_ms,
    }
}

/// Where the recording goes.
pub(super) struct Stores {
    pub(super) client: outbound::Client,
    pub(super) store: Store,
    pub(super) backup: Option<BackupStore>,
}

pub(super) async fn prepare(
    dir: &Path,
    job: &Job,
    started_ms: u64,
    check: bool,
    options: &Options,
) -> Result<(Arc<Spool>, Stores), Refusal> {
    let ours = |reason: String| Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason,
    };
    let client = outbound::Client::without_redirects(options.targets).map_err(|error| ours(error.to_string()))?;
    if check {
        record::check(job, options)?;
        // What another node has begun is gone on with even while its store is away.
        if !job.assignment.takeover {
            upload::check(&job.spec.storage, &client).await?;
        }
    }
    let store = Store::new(&job.spec.storage, &client).map_err(|reason| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason,
    })?;
    let backup = job
        .spec
        .backup
        .as_ref()
        .and_then(|backup| match Bucket::new(&backup.storage, &client) {
            Ok(bucket) => Some(BackupStore {
                bucket,
                after: Duration::from_millis(backup.after_ms),
            }),
            Err(error) => {
                tracing::error!(error, "the backup store is not used: its description is wrong");
                None
            }
        });
    let opening = Opening {
        epoch: job.epoch,
        at_ms: started_ms,
    };
    let end = Instant::now() + HANDOVER_TIME;
    let spool = loop {
        match open_spool(dir, opening).await {
            Err(SpoolError::InUse(_)) if Instant::now() < end => tokio::time::sleep(HANDOVER_STEP).await,
            other => break other,
        }
    };
    let spool = spool.map_err(|error| ours(error.to_string()))?;
    keep_indexes(&spool, job).await.map_err(ours)?;
    let videos = job.assignment.videos.clone();
    on_disk(&spool, move |spool| spool.adopt(videos)).await.map_err(ours)?;
    let stores = Stores { client, store, backup };
    Ok((spool, stores))
}

/// Has indexes written, where they are wanted.
pub(super) async fn keep_indexes(spool: &Arc<Spool>, job: &Job) -> Result<(), String> {
    match job.spec.outputs.multivariant && job.spec.storage.kind != StorageKind::AliyunVod {
        true => on_disk(spool, Spool::keep_indexes).await,
        false => Ok(()),
    }
}

/// Has uploads go on with the keys that are wanted.
pub(super) async fn renew_keys(
    mut desired: watch::Receiver<Desired>,
    storage: Storage,
    client: outbound::Client,
    store: watch::Sender<Store>,
) {
    let mut present = storage.keys();
    while desired.changed().await.is_ok() {
        let Some(keys) = desired.borrow_and_update().keys.clone().filter(|keys| *keys != present) else {
            continue;
        };
        present = keys.clone();
        match Store::new(&storage.with_keys(keys), &client) {
            Ok(renewed) => {
                tracing::info!("the store's keys are renewed");
                store.send_replace(renewed);
            }
            Err(error) => tracing::error!(error, "the store's new keys cannot be used"),
        }
    }
}
