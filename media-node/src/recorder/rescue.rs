//! A spool that no recording goes on with, to a bucket that the operator names.

use std::path::{Path, PathBuf};

use protocol::Storage;

use super::formats::formats;
use super::opening::FINISH;
use crate::outbound::{Client, Targets};
use crate::spool::{RemovalError, Salvage};
use crate::upload::{Bucket, Rescue, Rescued};

/// Folder in the spool for copies of what has to be finished first.
const WORK: &str = "rescue";

/// Where a spool goes.
#[derive(Clone, Debug)]
pub struct RescueOrder {
    /// With its keys; no video-on-demand service.
    pub storage: Storage,
    pub targets: Targets,
    /// Remove the spool when everything is in the bucket.
    pub removes: bool,
}

/// What came of a rescue.
#[derive(Debug)]
pub struct Rescuing {
    pub place: String,
    pub rescued: Rescued,
    /// `None` when that was not asked for.
    pub removed: Option<Result<(), RemovalError>>,
}

/// Brings what can be read of a spool to a bucket.
///
/// # Errors
/// When the disk or the bucket does not do what it is asked. Repeated, it goes on where it stopped.
pub async fn rescue(mut salvage: Salvage, order: RescueOrder) -> Result<Rescuing, String> {
    let client = Client::without_redirects(order.targets).map_err(|error| error.to_string())?;
    let bucket = Bucket::new(&order.storage, &client)?;
    let place = bucket.place().to_owned();
    let formats = formats(salvage.job.as_ref().ok());
    let work = Work::make(salvage.dir())?;
    salvage.finish(&work.0, FINISH).map_err(|error| error.to_string())?;
    let rescued = Rescue { bucket, formats }.run(&salvage).await?;
    drop(work);
    let removed = order.removes.then(|| salvage.remove());
    Ok(Rescuing {
        place,
        rescued,
        removed,
    })
}

/// The folder for copies; dropped, it goes with them.
struct Work(PathBuf);

impl Work {
    fn make(dir: &Path) -> Result<Self, String> {
        let work = dir.join(WORK);
        // A former rescue may have been stopped.
        let made = std::fs::create_dir_all(&work);
        made.map_err(|error| format!("cannot make {}: {error}", work.display()))?;
        Ok(Self(work))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(work = %self.0.display(), %error, "copies that are not needed any more stay");
        }
    }
}
