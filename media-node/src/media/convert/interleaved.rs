use std::collections::VecDeque;
use std::path::Path;

use super::nothing;
use crate::media::{MediaError, Mp4Muxer, MuxedTrack};
use crate::stream::AccessUnit;

/// Coded bytes of one track that wait for the other.
const WAITING_BYTES: usize = 32 << 20;

/// What was made of two tracks, on its way into a file in the order of its times.
pub(super) struct Interleaved {
    /// Which tracks are to be in it.
    wanted: [bool; 2],
    waiting: [VecDeque<AccessUnit>; 2],
    bytes: [usize; 2],
    /// The file, with the number in it of each track that is.
    file: Option<(Mp4Muxer, [Option<usize>; 2])>,
}

impl Interleaved {
    pub(super) fn new(video: bool, audio: bool) -> Self {
        Self {
            wanted: [video, audio],
            waiting: Default::default(),
            bytes: [0; 2],
            file: None,
        }
    }

    pub(super) fn push(&mut self, track: usize, unit: AccessUnit) {
        self.bytes[track] += unit.data.len();
        self.waiting[track].push_back(unit);
    }

    /// Writes what nothing can come before any more.
    pub(super) fn write(&mut self, path: &Path, tracks: &[Option<MuxedTrack>], all: bool) -> Result<(), MediaError> {
        let is_full = self.bytes.iter().any(|bytes| *bytes > WAITING_BYTES);
        let waits = |track: usize| self.wanted[track] && self.waiting[track].is_empty();
        if !all && !is_full && (waits(0) || waits(1)) {
            return Ok(());
        }
        if self.file.is_none() {
            let (mut own, mut numbers) = (Vec::new(), [None; 2]);
            for (place, track) in tracks.iter().enumerate().take(2) {
                if let Some(track) = track {
                    numbers[place] = Some(own.len());
                    own.push(track.clone());
                }
            }
            if own.is_empty() {
                return match all {
                    true => Err(nothing()),
                    false => Ok(()),
                };
            }
            self.file = Some((Mp4Muxer::create(path, &own, 0)?, numbers));
        }
        let Some((muxer, numbers)) = &mut self.file else {
            return Ok(());
        };
        loop {
            let first = (0..2)
                .filter_map(|track| Some((self.waiting[track].front()?.dts_us, track)))
                .min();
            let Some((_, track)) = first else {
                return Ok(());
            };
            let Some(unit) = self.waiting[track].pop_front() else {
                return Ok(());
            };
            self.bytes[track] -= unit.data.len();
            // A track that begins after the file was begun is not in it.
            if let Some(number) = numbers[track] {
                muxer.write(number, &unit)?;
            }
            let other = 1 - track;
            let other_waits = self.wanted[other] && self.waiting[other].is_empty();
            if !all && (self.waiting[track].is_empty() || other_waits) {
                return Ok(());
            }
        }
    }

    pub(super) fn finish(mut self, path: &Path, tracks: &[Option<MuxedTrack>]) -> Result<(), MediaError> {
        self.write(path, tracks, true)?;
        self.file.map_or_else(|| Err(nothing()), |(muxer, _)| muxer.finish())
    }
}
