use std::collections::BTreeSet;

use protocol::TrackKind;
use serde::Serialize;

use super::entry::Entry;
use super::kept::Playlist;
use super::slice::PlaylistKey;
use super::state::State;
use super::{Slice, Spool, SpoolError};

/// A peak is measured over slices of this length and more, as RFC 8216 has it: half of what playlists say that slices last.
const MEASURED_US: i64 = 8_000_000;
/// While slices come, a peak is rounded up to one that is so many times a power of two, from 8 to 15, so that an index need not be
/// written with each of them.
const STEPS: u32 = 3;

/// An index that the store does not have as it could be: a playlist of playlists, of one user or of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueIndex {
    /// `None`: of all.
    pub uid: Option<String>,
    /// Playlists that the store has, in the order of their first slices.
    pub renditions: Vec<Rendition>,
    digest: u64,
}

/// A playlist as an index names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendition {
    pub key: PlaylistKey,
    pub name: String,
    /// By their names of RFC 6381; none where one of them is not known.
    pub codecs: BTreeSet<String>,
    /// Width and height of the largest picture.
    pub size: Option<(u32, u32)>,
    /// The most bits a second that a slice has.
    pub peak_bps: u64,
}

impl State {
    /// The indexes that the store could have, each with the name by which the journal knows it. One tells only what the store has.
    fn indexes(&self) -> Vec<(String, DueIndex)> {
        // What another node has recorded stands in its index until it stands in one of this node's playlists.
        let is_behind = |playlist: &Playlist| !playlist.learned.is_empty() && playlist.published_learned == 0;
        if self.indexed.is_none() || !self.owns_playlists() || self.playlists.iter().any(is_behind) {
            return Vec::new();
        }
        let renditions: Vec<_> = self
            .playlists
            .iter()
            .filter_map(|playlist| self.rendition(playlist))
            .collect();
        let uids: BTreeSet<_> = renditions.iter().map(|rendition| rendition.key.uid.clone()).collect();
        let of = |uid: Option<String>| {
            let is_of = |rendition: &&Rendition| uid.as_ref().is_none_or(|uid| rendition.key.uid == *uid);
            let renditions: Vec<_> = renditions.iter().filter(is_of).cloned().collect();
            let digest = digest(&renditions);
            let name = index_name(uid.as_deref());
            let index = DueIndex {
                uid,
                renditions,
                digest,
            };
            (name, index)
        };
        let all = (!renditions.is_empty()).then(|| of(None));
        uids.iter().map(|uid| of(Some(uid.clone()))).chain(all).collect()
    }

    pub(super) fn due_indexes(&self) -> Vec<DueIndex> {
        let known = self.indexed.as_ref();
        let is_due =
            |(name, index): &(String, DueIndex)| known.and_then(|known| known.get(name)) != Some(&index.digest);
        self.indexes()
            .into_iter()
            .filter(is_due)
            .map(|(_, index)| index)
            .collect()
    }

    fn rendition(&self, playlist: &Playlist) -> Option<Rendition> {
        let is_published = playlist.published + playlist.published_learned > 0;
        if !is_published || playlist.key.track == TrackKind::Both {
            return None;
        }
        let own = playlist.slices.iter().take(playlist.published).map(|kept| &kept.slice);
        let learned = playlist.learned.iter().take(playlist.published_learned);
        let measures = own.clone().map(|slice| (slice.bytes, slice.duration_us));
        let measures: Vec<_> = measures
            .chain(learned.map(|slice| (slice.bytes, slice.duration_us)))
            .collect();
        let peak_bps = peak_bps(&measures);
        Some(Rendition {
            key: playlist.key.clone(),
            name: playlist.name.clone(),
            codecs: codecs(own.clone()),
            size: own
                .filter_map(|slice| slice.form.as_ref()?.size)
                .max_by_key(|(width, height)| width * height),
            peak_bps: match self.cause {
                Some(_) => peak_bps,
                None => rounded(peak_bps),
            },
        })
    }
}

/// By which the state knows an index.
pub(super) fn index_name(uid: Option<&str>) -> String {
    // No user has this one.
    uid.unwrap_or("/").to_owned()
}

fn codecs<'a>(slices: impl Iterator<Item = &'a Slice>) -> BTreeSet<String> {
    let names: Option<BTreeSet<_>> = slices.map(|slice| slice.form.as_ref()?.codec.clone()).collect();
    names.unwrap_or_default()
}

/// `slices`: bytes and microseconds.
fn peak_bps(slices: &[(u64, i64)]) -> u64 {
    let rate = |bytes: u64, duration_us: i64| {
        let bits = u128::from(bytes) * 8 * 1_000_000;
        let us = u128::from(duration_us.max(1).unsigned_abs());
        u64::try_from(bits.div_ceil(us)).unwrap_or(u64::MAX)
    };
    let long = slices.iter().filter(|(_, duration_us)| *duration_us >= MEASURED_US);
    let longest = long.map(|(bytes, duration_us)| rate(*bytes, *duration_us)).max();
    longest.unwrap_or_else(|| {
        let bytes = slices.iter().map(|(bytes, _)| bytes).sum();
        rate(bytes, slices.iter().map(|(_, duration_us)| duration_us).sum())
    })
}

fn rounded(bps: u64) -> u64 {
    let step = 1_u64 << (u64::BITS - bps.leading_zeros()).saturating_sub(STEPS + 1);
    bps.div_ceil(step).saturating_mul(step)
}

/// FNV-1a: the same on every machine and in every version.
fn digest(renditions: &[Rendition]) -> u64 {
    let text = serde_json::to_vec(renditions).unwrap_or_default();
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

impl Spool {
    /// From here on there are indexes of the playlists.
    pub fn keep_indexes(&self) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        match inner.state.indexed {
            Some(_) => Ok(()),
            None => inner.write(Entry::Indexes),
        }
    }

    /// Indexes that can tell more, or otherwise, than the store's copy does.
    pub fn due_indexes(&self) -> Vec<DueIndex> {
        self.lock().state.due_indexes()
    }

    /// The store has the index as it was due.
    pub fn confirm_index(&self, index: &DueIndex) -> Result<(), SpoolError> {
        self.lock().write(Entry::Indexed {
            uid: index.uid.clone(),
            digest: index.digest,
        })?;
        self.tell();
        Ok(())
    }
}

/// For tests of who writes indexes.
#[cfg(test)]
pub fn index_of(uid: Option<&str>, renditions: Vec<Rendition>) -> DueIndex {
    DueIndex {
        uid: uid.map(str::to_owned),
        digest: digest(&renditions),
        renditions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_that_of_the_slices_that_last_long_enough() {
        let second = 1_000_000;
        assert_eq!(
            peak_bps(&[(1_000, 8 * second), (3_000, 8 * second), (9_000, second)]),
            3_000
        );
        assert_eq!(
            peak_bps(&[(1_000, second), (3_000, second)]),
            16_000,
            "of short ones, of all together"
        );
        assert_eq!(
            peak_bps(&[(1_000, 0)]),
            8_000_000_000,
            "and whatever is measured, nothing breaks"
        );
        assert_eq!(peak_bps(&[]), 0);
    }

    #[test]
    fn a_peak_is_rounded_up_by_an_eighth_at_most() {
        for bps in [1, 7, 8, 9, 15, 16, 17, 499_999, 500_000, 1 << 40] {
            let rounded = rounded(bps);
            assert!(bps <= rounded && rounded <= bps + bps.div_ceil(8), "{bps}: {rounded}");
            assert_eq!(super::rounded(rounded), rounded);
        }
        assert_eq!(rounded(0), 0);
    }
}
