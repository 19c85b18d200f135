//! What a backup store holds for the customer's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::content::Content;

/// What the backup store holds of a recording, by the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Backup {
    /// By their numbers. A file stays here until the backup has removed it.
    pub(super) held: BTreeMap<u64, Held>,
    /// The playlists there, by their names.
    pub(super) playlists: BTreeMap<String, Copy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) content: Content,
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// A playlist in the backup store. It names the slices there, from one on; those before it may be on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copy {
    pub(super) from: u64,
    pub(super) slices: usize,
    pub(super) ended: bool,
}

impl Backup {
    pub(super) fn holds(&self, number: u64) -> bool {
        self.held.contains_key(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.playlists.is_empty()
    }
}
