//! What a report lists of a spool: playlists and whole files, with what is in them so far.

use std::collections::BTreeSet;

use protocol::{FileKind, RecordedFile};

use super::kept::{Draft, Playlist};
use super::state::State;
use super::{Slice, object_key};

impl State {
    pub(super) fn files(&self, prefix: &str) -> Vec<RecordedFile> {
        let mut files: Vec<_> = self.playlists.iter().map(|playlist| playlist.as_file(prefix)).collect();
        let mut names: BTreeSet<_> = self.playlists.iter().map(|playlist| playlist.name.as_str()).collect();
        for draft in self.drafts.values() {
            if let Draft::Slice { playlist_name, slice } = draft
                && names.insert(playlist_name)
            {
                files.push(future_playlist(object_key(prefix, playlist_name), slice));
            }
        }
        let complete = self.lone.values().map(|kept| (&kept.file, 1, u64::from(kept.uploaded)));
        let growing = self.drafts.values().filter_map(|draft| match draft {
            Draft::Slice { .. } => None,
            Draft::Lone(file) => Some((file, 0, 0)),
        });
        let told = complete.chain(growing).filter_map(|(file, slices, uploaded_slices)| {
            Some(RecordedFile {
                name: object_key(prefix, &file.name),
                track: file.track,
                kind: file.kind.told()?,
                uid: file.uid.clone(),
                start_ms: file.start_ms,
                duration_ms: file.duration_us.max(0) as u64 / 1000,
                slices,
                bytes: file.bytes,
                uploaded_slices,
                md5: file.md5.clone(),
            })
        });
        files.extend(told);
        files
    }
}

impl Playlist {
    fn as_file(&self, prefix: &str) -> RecordedFile {
        let own = || self.slices.iter().map(|kept| &kept.slice);
        let starts_ms = own().map(|slice| slice.start_ms);
        let learned_ms = self.learned.iter().map(|slice| slice.start_ms);
        let bytes = own().map(|slice| slice.bytes);
        let own_us = || own().map(|slice| slice.duration_us).sum::<i64>();
        let duration_us = match self.learned.is_empty() {
            true => own_us(),
            false => self
                .merged(self.slices.len())
                .iter()
                .map(|slice| slice.duration_us)
                .sum(),
        };
        let uploaded = self.slices.iter().filter(|kept| kept.uploaded).count();
        RecordedFile {
            name: object_key(prefix, &self.name),
            track: self.key.track,
            kind: FileKind::Playlist,
            uid: self.key.uid.clone(),
            start_ms: starts_ms.chain(learned_ms).min().unwrap_or_default(),
            duration_ms: duration_us.max(0) as u64 / 1000,
            slices: (self.slices.len() + self.learned.len()) as u64,
            bytes: bytes.chain(self.learned.iter().map(|slice| slice.bytes)).sum(),
            uploaded_slices: (uploaded + self.learned.len()) as u64,
            md5: None,
        }
    }
}

/// The playlist that will be, once its first slice is complete.
fn future_playlist(name: String, first: &Slice) -> RecordedFile {
    RecordedFile {
        name,
        track: first.playlist.track,
        kind: FileKind::Playlist,
        uid: first.playlist.uid.clone(),
        start_ms: first.start_ms,
        duration_ms: 0,
        slices: 0,
        bytes: 0,
        uploaded_slices: 0,
        md5: None,
    }
}
