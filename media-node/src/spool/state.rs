use std::collections::{BTreeMap, BTreeSet};

use protocol::EndCause;
use serde::{Deserialize, Serialize};

use super::held::Backup;
use super::kept::{Complete, Draft, Kept, KeptLone, Playlist};
use super::log::Log;
use super::{Content, DueFile, KeptVideo, Lone, Pictures};

/// What the journal says, as one value. Pure: entries in, answers out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// In the order of their first slices.
    pub(super) playlists: Vec<Playlist>,
    /// Committed files that belong to no playlist, by their numbers; pictures only until the store has them.
    pub(super) lone: BTreeMap<u64, KeptLone>,
    pub(super) pictures: Pictures,
    /// Files that have been begun and neither committed nor discarded.
    pub(super) drafts: BTreeMap<u64, Draft>,
    pub(super) openings: u64,
    /// Where the recording's timeline begins, Unix milliseconds.
    pub(super) started_ms: u64,
    pub(super) cause: Option<EndCause>,
    pub(super) next_number: u64,
    #[serde(default)]
    pub(super) log: Log,
    /// Names the spool: the epoch of the first opening.
    #[serde(default)]
    pub(super) id: u64,
    /// The epoch of the newest opening.
    #[serde(default)]
    pub(super) epoch: u64,
    /// The numbers of the slices that the store has confirmed, in the order of their confirmation.
    #[serde(default)]
    pub(super) confirmed: Vec<u64>,
    /// How far the slices of other spools are known here.
    #[serde(default)]
    pub(super) learned_to: u64,
    /// The playlists in the store are another node's.
    #[serde(default)]
    pub(super) released: bool,
    /// Numbers of complete files that nobody wants; they may still be on the disk.
    #[serde(default)]
    pub(super) given_up: BTreeSet<u64>,
    #[serde(default)]
    pub(super) backup: Backup,
    /// What a video-on-demand service has made, in the order of its making.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) videos: Vec<KeptVideo>,
    /// What the indexes in the store tell: a digest of each, by the uid, and by `/` of that of all. `None` where there are to be
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) indexed: Option<BTreeMap<String, u64>>,
}

impl State {
    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.playlists.iter().flat_map(|playlist| &playlist.slices)
    }

    /// Files that belong to no playlist, complete or being written.
    pub(super) fn lone_ones(&self) -> impl Iterator<Item = &Lone> {
        let growing = self.drafts.values().filter_map(|draft| match draft {
            Draft::Slice { .. } => None,
            Draft::Lone(file) => Some(file),
        });
        self.lone.values().map(|kept| &kept.file).chain(growing)
    }

    /// Whole files that are nowhere but on the disk.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Complete<'_>> {
        self.complete()
            .filter(|file| !file.uploaded && !self.backup.holds(file.number))
    }

    /// The file is still to be brought to a store as it was when it was due.
    pub(super) fn waits_as(&self, due: &DueFile) -> bool {
        self.waiting()
            .any(|file| file.number == due.number && file.bytes == due.bytes)
    }

    /// Every file that is or was in the spool, but the pictures that the store has.
    pub(super) fn complete(&self) -> impl Iterator<Item = Complete<'_>> {
        let slices = self.kept().map(|kept| Complete {
            number: kept.number,
            content: Content::Slice,
            name: &kept.slice.name,
            bytes: kept.slice.bytes,
            start_ms: kept.slice.start_ms,
            uploaded: kept.uploaded,
            cut: kept.cut,
        });
        let lone = self.lone.iter().map(|(number, kept)| Complete {
            number: *number,
            content: Content::Lone(kept.file.kind),
            name: &kept.file.name,
            bytes: kept.file.bytes,
            start_ms: kept.file.start_ms,
            uploaded: kept.uploaded,
            cut: false,
        });
        slices.chain(lone)
    }

    /// Files, playlists and indexes that the store has not confirmed as they are here.
    pub(super) fn pending(&self) -> u64 {
        let files = self.complete().filter(|file| !file.uploaded).count();
        let playlists = self
            .playlists
            .iter()
            .filter(|playlist| !playlist.is_current(self.cause.is_some()))
            .count();
        let playlists = if self.owns_playlists() { playlists } else { 0 };
        (files + playlists + self.due_indexes().len()) as u64
    }

    /// After a lost lease the playlists in the store are another node's.
    pub(super) fn owns_playlists(&self) -> bool {
        !self.released && self.cause != Some(EndCause::LeaseLost)
    }

    /// Nothing was ever captured into it that may be somewhere.
    pub(super) fn is_empty(&self) -> bool {
        self.kept().next().is_none()
            && self.lone.is_empty()
            && self.drafts.is_empty()
            && self.pictures.taken == 0
            && self.backup.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.cause.is_some() && self.drafts.is_empty() && self.pending() == 0
    }
}
