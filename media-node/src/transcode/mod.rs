//! What browsers cannot play of a stream: sound in another codec than Opus is made Opus while somebody listens, and pictures that
//! are sent in another order than they are shown are known. It does not know who plays, nor by what protocol.
//!
//! `opus` is the way of the sound, from packets to packets, and pure; `work` has a thread do it for one publication.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod opus;
mod order;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::channel::StreamPath;
use crate::hub::Publication;
pub use opus::is_convertible;
pub use order::is_out_of_order;

/// Streams whose sound is transcoded at once. Each takes about a hundredth of a core.
const MAX_STREAMS: usize = 64;

/// The sounds that are made Opus on this node. Clones share them.
#[derive(Clone, Default)]
pub struct Transcoding(Arc<Mutex<BTreeMap<StreamPath, Made>>>);

struct Made {
    /// What it is made of,
    source: Arc<Publication>,
    /// and what it is.
    sound: Arc<Publication>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    #[error("this node makes Opus of the sound of {MAX_STREAMS} streams already: try again later")]
    Busy,
    #[error("the sound cannot be made Opus: {0}")]
    Failed(String),
}

impl Transcoding {
    /// The sound of a publication, its track of this index, as Opus: a publication with that track alone, the same for all who
    /// ask. It ends when nobody has played it for a while.
    pub fn opus(&self, source: &Arc<Publication>, track: usize) -> Result<Arc<Publication>, NotMade> {
        let mut made = self.lock();
        made.retain(|_, made| !made.sound.ended.is_cancelled());
        if let Some(known) = made
            .get(&source.path)
            .filter(|known| Arc::ptr_eq(&known.source, source))
        {
            return Ok(known.sound.clone());
        }
        if made.len() >= MAX_STREAMS {
            return Err(NotMade::Busy);
        }
        let sound = work::begin(source, track)?;
        made.insert(
            source.path.clone(),
            Made {
                source: source.clone(),
                sound: sound.clone(),
            },
        );
        Ok(sound)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let made = self.lock();
        made.values().filter(|made| !made.sound.ended.is_cancelled()).count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamPath, Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
