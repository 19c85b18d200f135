//! Pictures of one user's video at an interval. It knows coded video, the recording's timeline and what a picture is
//! called. It does not know where the video comes from, whether it is recorded besides, or how pictures are uploaded.
//!
//! `timing` says, from the times of the units alone, of which instant a picture is due and which frame is shown then;
//! `gop` keeps the units since the newest key frame and decodes as few of them as it can; `taker` puts the two together;
//! `thread` keeps what they cost away from the recording, and `user` is what the recording sees of it all.

mod gop;
mod taker;
#[cfg(test)]
mod tests;
mod thread;
mod timing;
mod user;

use std::io::Write;
use std::sync::Arc;

use crate::spool::{Lone, Spool, SpoolError};

pub(super) use user::UserPictures;

/// What a recording's pictures are made by.
#[derive(Clone)]
pub(super) struct Snapshots {
    /// Between two pictures of one user, in microseconds.
    pub(super) interval_us: i64,
    /// Nothing but pictures is made.
    pub(super) alone: bool,
    pub(super) sink: Arc<dyn PictureSink>,
}

impl Snapshots {
    pub(super) fn new(wanted: protocol::Snapshots, sink: Arc<dyn PictureSink>) -> Self {
        Self {
            interval_us: i64::try_from(wanted.interval_ms.saturating_mul(1000)).unwrap_or(i64::MAX),
            alone: wanted.alone,
            sink,
        }
    }
}

/// Where pictures go. All calls may wait for a disk.
pub(super) trait PictureSink: Send + Sync {
    /// When this returns, nothing can take the picture away.
    fn keep(&self, picture: Lone, jpeg: &[u8]) -> Result<(), SpoolError>;

    /// When the user's latest picture was taken, in microseconds on the recording's timeline.
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
