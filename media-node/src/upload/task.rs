use super::bucket::memory_for;
use crate::spool::{DueCopy, DueFile, DueIndex, DuePlaylist, HeldFile};

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    File(u64),
    Playlist(String),
    /// Of a user, or of all.
    Index(Option<String>),
}

/// One request, or a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    File(DueFile),
    Playlist(DuePlaylist),
    Index(DueIndex),
    /// From the backup to the customer's store.
    Move(HeldFile),
    /// A playlist of what the backup holds, to the backup.
    Copy(DueCopy),
    /// A playlist out of the backup.
    Retract(String),
    /// A file out of the backup.
    Clear(HeldFile),
}

impl Task {
    pub(super) fn item(&self) -> Item {
        match self {
            Self::File(file) => Item::File(file.number),
            Self::Move(file) | Self::Clear(file) => Item::File(file.number),
            Self::Playlist(playlist) => Item::Playlist(playlist.name.clone()),
            Self::Index(index) => Item::Index(index.uid.clone()),
            Self::Copy(copy) => Item::Playlist(copy.playlist.name.clone()),
            Self::Retract(name) => Item::Playlist(name.clone()),
        }
    }

    /// How many slices a playlist names; 0 for anything else.
    pub(super) fn named(&self) -> usize {
        match self {
            Self::Playlist(playlist) => playlist.slices.len(),
            Self::Copy(copy) => copy.playlist.slices.len(),
            Self::File(_) | Self::Index(_) | Self::Move(_) | Self::Retract(_) | Self::Clear(_) => 0,
        }
    }

    /// What is held in memory while it is carried out.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::File(file) => memory_for(file.bytes),
            Self::Move(file) => memory_for(file.bytes),
            Self::Playlist(_) | Self::Index(_) | Self::Copy(_) | Self::Retract(_) | Self::Clear(_) => 0,
        }
    }
}
