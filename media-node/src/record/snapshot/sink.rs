use std::io::Write;
use std::sync::Arc;

use crate::spool::{Lone, Spool, SpoolError};
use crate::stream::PictureLimit;

/// How a recording's pictures are made, and what keeps them.
#[derive(Clone)]
pub(in crate::record) struct Snapshots {
    /// The time between two pictures of one user, in microseconds.
    pub(in crate::record) interval_us: i64,
    /// Nothing but pictures is made.
    pub(in crate::record) alone: bool,
    pub(in crate::record) sink: Arc<dyn PictureSink>,
    /// Video with pictures beyond it is not decoded.
    pub(in crate::record) limit: PictureLimit,
}

impl Snapshots {
    pub(in crate::record) fn new(wanted: protocol::Snapshots, sink: Arc<dyn PictureSink>, limit: PictureLimit) -> Self {
        Self {
            interval_us: i64::try_from(wanted.interval_ms.saturating_mul(1000)).unwrap_or(i64::MAX),
            alone: wanted.alone,
            sink,
            limit,
        }
    }
}

/// Keeps pictures. All calls may wait for a disk.
pub(in crate::record) trait PictureSink: Send + Sync {
    /// When this returns, nothing can take the picture away.
    fn keep(&self, picture: Lone, jpeg: &[u8]) -> Result<(), SpoolError>;

    /// The time of the user's latest picture, in microseconds on the recording's timeline.
    fn latest_us(&self, uid: &str) -> Option<i64>;
}

impl PictureSink for Spool {
    fn keep(&self, picture: Lone, jpeg: &[u8]) -> Result<(), SpoolError> {
        let mut file = self.begin_lone(&picture)?;
        match file.write_all(jpeg) {
            Ok(()) => self.commit_lone(file, picture),
            Err(source) => {
                let path = file.path();
                self.discard_lone(file)?;
                Err(SpoolError::Io {
                    action: "write",
                    path,
                    source,
                })
            }
        }
    }

    fn latest_us(&self, uid: &str) -> Option<i64> {
        self.pictures().latest_us(uid)
    }
}
