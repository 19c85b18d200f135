//! What browsers cannot play of a stream: sound in another codec than Opus is made Opus while somebody listens, and pictures that
//! are sent in another order than they are shown are known, and encoded anew where the operator allows it. It does not know who
//! plays, nor by what protocol.
//!
//! `opus` is the way of the sound, from packets to packets, and `plain` that of the picture, with `h264` to pack it; both are pure.
//! `maker` is what they have in common, and `work` has a thread do it for one publication.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod h264;
mod maker;
mod opus;
mod order;
mod plain;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::channel::StreamPath;
use crate::hub::Publication;
pub use opus::is_convertible;
pub use order::is_out_of_order;

/// Streams whose sound is transcoded at once. Each takes about a hundredth of a core.
const MAX_STREAMS: usize = 64;

/// What is made of streams on this node. Clones share it.
#[derive(Clone, Default)]
pub struct Transcoding {
    sounds: Arc<Mutex<Table>>,
    pictures: Arc<Mutex<Table>>,
    max_pictures: usize,
}

type Table = BTreeMap<StreamPath, Transcoded>;

struct Transcoded {
    /// What it is made of,
    source: Arc<Publication>,
    /// and what it is.
    made: Arc<Publication>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    #[error("this node transcodes as many streams as it may already: try again later")]
    Busy,
    #[error("a track of the stream cannot be transcoded: {0}")]
    Failed(String),
}

impl Transcoding {
    /// So many pictures are encoded anew at once: each takes a good part of a core.
    pub fn new(max_pictures: usize) -> Self {
        Self {
            max_pictures,
            ..Self::default()
        }
    }

    /// The sound of a publication, its track of this index, as Opus: a publication with that track alone, the same for all who
    /// ask. It ends when nobody has played it for a while.
    ///
    /// # Errors
    /// When there are too many, or nothing can be made of it.
    pub fn opus(&self, source: &Arc<Publication>, track: usize) -> Result<Arc<Publication>, NotMade> {
        made(&self.sounds, MAX_STREAMS, source, || work::begin_opus(source, track))
    }

    /// Whether pictures are encoded anew here.
    pub fn has_pictures(&self) -> bool {
        self.max_pictures > 0
    }

    /// The same of the picture, in the order in which it is shown.
    ///
    /// # Errors
    /// As [`Self::opus`].
    pub fn plain(&self, source: &Arc<Publication>, track: usize) -> Result<Arc<Publication>, NotMade> {
        made(&self.pictures, self.max_pictures, source, || {
            work::begin_plain(source, track)
        })
    }

    /// How many sounds are made Opus,
    pub fn sounds(&self) -> usize {
        count(&self.sounds)
    }

    /// and how many pictures are encoded anew.
    pub fn pictures(&self) -> usize {
        count(&self.pictures)
    }
}

fn made(
    table: &Mutex<Table>,
    most: usize,
    source: &Arc<Publication>,
    begin: impl FnOnce() -> Result<Arc<Publication>, NotMade>,
) -> Result<Arc<Publication>, NotMade> {
    let mut table = lock(table);
    table.retain(|_, transcoded| !transcoded.made.ended.is_cancelled());
    let known = table.get(&source.path);
    if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.source, source)) {
        return Ok(known.made.clone());
    }
    if table.len() >= most {
        return Err(NotMade::Busy);
    }
    let made = begin()?;
    table.insert(
        source.path.clone(),
        Transcoded {
            source: source.clone(),
            made: made.clone(),
        },
    );
    Ok(made)
}

fn count(table: &Mutex<Table>) -> usize {
    let table = lock(table);
    table
        .values()
        .filter(|transcoded| !transcoded.made.ended.is_cancelled())
        .count()
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
