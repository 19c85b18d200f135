use std::collections::BTreeSet;

use protocol::ConfirmedSlice;

use super::kept::Playlist;
use super::{PlaylistKey, Slice};

/// By how much a slice may begin before the one in front of it ends: less than a picture lasts, whose length is an estimate.
const OVERLAP_US: i64 = 10_000;

/// A slice, and the lease under which it was captured. All slices of a lease are of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) epoch: u64,
    pub(super) slice: Slice,
}

impl Piece {
    fn start_us(&self) -> i64 {
        self.slice.start_us
    }

    fn end_us(&self) -> i64 {
        self.slice.start_us.saturating_add(self.slice.duration_us.max(0))
    }

    /// From when on another one may follow it.
    fn free_us(&self) -> i64 {
        self.end_us().saturating_sub(OVERLAP_US).max(self.start_us())
    }

    /// It goes on where `before` ends, without a break.
    fn continues(&self, before: &Self) -> bool {
        let gap_us = self.start_us().saturating_sub(before.end_us());
        !self.slice.discontinuity && self.epoch == before.epoch && gap_us.abs() <= OVERLAP_US
    }
}

impl Playlist {
    /// What the playlist names, in its order, when the first `own` of the spool's own slices are up.
    pub(super) fn merged(&self, own: usize) -> Vec<Slice> {
        let kept = self.slices.iter().take(own);
        // The slices of one spool follow one another as they were made.
        if self.learned.is_empty() {
            return kept.map(|kept| kept.slice.clone()).collect();
        }
        let own = kept.map(|kept| Piece {
            epoch: kept.epoch,
            slice: kept.slice.clone(),
        });
        let learned = self.learned.iter().map(|slice| piece_of(slice, &self.key));
        merge(own.chain(learned).collect())
    }
}

fn piece_of(slice: &ConfirmedSlice, key: &PlaylistKey) -> Piece {
    Piece {
        epoch: slice.epoch,
        slice: Slice {
            playlist: key.clone(),
            name: slice.name.clone(),
            start_us: slice.start_us,
            duration_us: slice.duration_us,
            start_ms: slice.start_ms,
            bytes: slice.bytes,
            discontinuity: slice.discontinuity,
            tags: slice.tags.clone(),
            form: None,
        },
    }
}

/// Slices of several spools as one playlist: in the order of their times, each name once, and no media time twice: of
/// those that overlap, the ones that together last the longest. Each that does not continue the one in front of it stands
/// behind a discontinuity. The order in which the slices are given does not matter.
pub(super) fn merge(mut pieces: Vec<Piece>) -> Vec<Slice> {
    pieces.sort_by(|one, other| order(one).cmp(&order(other)));
    let mut names = BTreeSet::new();
    pieces.retain(|piece| names.insert(piece.slice.name.clone()));
    let chosen = if overlap(&pieces) { longest(pieces) } else { pieces };
    let mut merged: Vec<Slice> = Vec::with_capacity(chosen.len());
    let mut before: Option<Piece> = None;
    for piece in chosen {
        let mut slice = piece.slice.clone();
        if let Some(before) = &before {
            slice.discontinuity = !piece.continues(before);
        }
        merged.push(slice);
        before = Some(piece);
    }
    merged
}

fn order(piece: &Piece) -> (i64, i64, u64, &str) {
    (piece.start_us(), piece.end_us(), piece.epoch, &piece.slice.name)
}

/// Whether any two of them, which are in the order of their starts, hold the same media time.
fn overlap(pieces: &[Piece]) -> bool {
    let mut free_us = i64::MIN;
    pieces.iter().any(|piece| {
        let early = piece.start_us() < free_us;
        free_us = free_us.max(piece.free_us());
        early
    })
}

/// Those of them that do not overlap and last the longest together, in the order of their starts.
fn longest(mut pieces: Vec<Piece>) -> Vec<Piece> {
    // Those that follow one another without an overlap have the same order by their ends as by their starts.
    pieces.sort_by_key(|piece| (piece.free_us(), piece.start_us()));
    // best[n]: the longest sum among the first n; taken[n]: how many of those stand before the last one taken.
    let mut best = vec![0_i64];
    let mut taken: Vec<Option<usize>> = vec![None];
    for (place, piece) in pieces.iter().enumerate() {
        let before = pieces[..place].partition_point(|earlier| earlier.free_us() <= piece.start_us());
        let with = best[before].saturating_add(piece.slice.duration_us.max(1));
        let without = best[place];
        best.push(with.max(without));
        taken.push((with > without).then_some(before));
    }
    let mut chosen = Vec::new();
    let mut rest = pieces.len();
    while rest > 0 {
        match taken[rest] {
            Some(before) => {
                chosen.push(rest - 1);
                rest = before;
            }
            None => rest -= 1,
        }
    }
    let chosen: BTreeSet<usize> = chosen.into_iter().collect();
    let places = pieces.into_iter().enumerate();
    places
        .filter_map(|(place, piece)| chosen.contains(&place).then_some(piece))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::TrackKind;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn piece(epoch: u64, from_us: i64, to_us: i64, discontinuity: bool) -> Piece {
        Piece {
            epoch,
            slice: Slice {
                playlist: PlaylistKey {
                    uid: "7".to_owned(),
                    track: TrackKind::Video,
                },
                name: format!("{epoch}_{from_us}.ts"),
                start_us: from_us,
                duration_us: to_us - from_us,
                start_ms: from_us.unsigned_abs() / 1_000,
                bytes: 1,
                discontinuity,
                tags: Vec::new(),
                form: None,
            },
        }
    }

    /// Slices of one node, end to end.
    fn stretch(epoch: u64, ends: &[i64]) -> Vec<Piece> {
        let pairs = ends.windows(2).enumerate();
        pairs
            .map(|(place, pair)| piece(epoch, pair[0] * SECOND, pair[1] * SECOND, place == 0))
            .collect()
    }

    /// Start in seconds, and whether a discontinuity stands before it.
    fn told(slices: &[Slice]) -> Vec<(i64, bool)> {
        let tell = |slice: &Slice| (slice.start_us / SECOND, slice.discontinuity);
        slices.iter().map(tell).collect()
    }

    #[test]
    fn late_slices_of_a_dead_node_stand_before_those_of_its_successor() {
        let dead = stretch(1, &[0, 15, 30, 42]);
        let next = stretch(2, &[55, 70, 85]);
        let on_time = [&dead[..1], &next[..]].concat();
        assert_eq!(told(&merge(on_time)), [(0, true), (55, true), (70, false)]);
        let all = [&next[..], &dead[..]].concat();
        assert_eq!(
            told(&merge(all)),
            [(0, true), (15, false), (30, false), (55, true), (70, false)]
        );
    }

    #[test]
    fn a_hole_is_a_discontinuity_until_its_slice_comes() {
        let dead = stretch(1, &[0, 15, 30, 45]);
        let with_hole = [&dead[..1], &dead[2..]].concat();
        assert_eq!(told(&merge(with_hole)), [(0, true), (30, true)]);
    }

    #[test]
    fn of_two_nodes_at_once_the_longest_media_is_named() {
        let silent = stretch(1, &[0, 15, 30, 45, 60]);
        let next = stretch(2, &[28, 43, 58, 73, 88, 103]);
        let both = [silent, next].concat();
        assert_eq!(
            told(&merge(both)),
            [
                (0, true),
                (15, false),
                (30, false),
                (45, false),
                (73, true),
                (88, false)
            ]
        );
    }

    #[test]
    fn what_is_told_twice_is_named_once() {
        let one = stretch(1, &[0, 15, 30]);
        let twice = [&one[..], &one[..]].concat();
        assert_eq!(told(&merge(twice)), [(0, true), (15, false)]);
    }

    #[test]
    fn slices_shorter_than_what_may_overlap_keep_their_order() {
        let spools = [
            piece(1, 36_672_797, 47_404_761, true),
            piece(1, 47_404_761, 47_404_762, false),
            piece(2, 35_120_173, 47_394_762, true),
            piece(2, 47_394_762, 47_404_763, false),
        ];
        let starts: Vec<i64> = merge(spools.to_vec()).iter().map(|slice| slice.start_us).collect();
        assert_eq!(starts, [35_120_173, 47_394_762, 47_404_761]);
        // One at the beginning of another holds what that one has.
        let within = [piece(1, 0, 15 * SECOND, true), piece(2, 5_000, 6_000, true)];
        assert_eq!(merge(within.to_vec()).len(), 1);
    }

    /// Slices of up to four leases, each in its own order, that begin anywhere.
    fn worlds() -> impl Strategy<Value = Vec<Piece>> {
        let lengths = prop::collection::vec((1_i64..20_000_000, 0_i64..3_000_000, any::<bool>()), 0..12);
        let spool = (0_i64..120_000_000, lengths);
        prop::collection::vec(spool, 1..5).prop_map(|spools| {
            let mut pieces = Vec::new();
            for ((mut at_us, lengths), epoch) in spools.into_iter().zip(1..) {
                let mut discontinuity = true;
                for (length_us, gap_us, gap) in lengths {
                    pieces.push(piece(epoch, at_us, at_us + length_us, discontinuity));
                    at_us += length_us + if gap { gap_us } else { 0 };
                    discontinuity = gap && gap_us > 0;
                }
            }
            pieces
        })
    }

    proptest! {
        // Or as many as `PROPTEST_CASES` says.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

        #[test]
        fn a_playlist_plays_in_order_and_no_time_twice(pieces in worlds(), seed in any::<u64>()) {
            let merged = merge(pieces.clone());
            let names: BTreeSet<_> = merged.iter().map(|slice| slice.name.clone()).collect();
            prop_assert_eq!(names.len(), merged.len(), "each is named once");
            for pair in merged.windows(2) {
                let gap_us = pair[1].start_us - (pair[0].start_us + pair[0].duration_us);
                prop_assert!(pair[0].start_us <= pair[1].start_us);
                prop_assert!(gap_us >= -OVERLAP_US, "{} us twice", -gap_us);
                prop_assert!(pair[1].discontinuity || gap_us.abs() <= OVERLAP_US, "a silent seam");
            }
            // What is left out can stand neither in front of something that is named nor behind it.
            let follows = |one: (i64, i64), other: (i64, i64)| one.0 <= other.0 && one.1 - OVERLAP_US <= other.0;
            for piece in pieces.iter().filter(|piece| !names.contains(&piece.slice.name)) {
                let own = (piece.start_us(), piece.end_us());
                let needed = merged.iter().any(|slice| {
                    let named = (slice.start_us, slice.start_us + slice.duration_us);
                    !follows(own, named) && !follows(named, own)
                });
                prop_assert!(needed, "{:?} is left out without need", piece);
            }
            // One node's alone stay as they are.
            let alone: Vec<_> = pieces.iter().filter(|piece| piece.epoch == 1).cloned().collect();
            let expected: Vec<_> = alone.iter().map(|piece| piece.slice.clone()).collect();
            let one = merge(alone);
            prop_assert_eq!(&one, &expected);
            // In any order.
            let mut shuffled = pieces;
            let mut random = seed;
            for place in (1..shuffled.len()).rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                shuffled.swap(place, (random >> 33) as usize % (place + 1));
            }
            prop_assert_eq!(merge(shuffled), merged);
        }
    }
}
