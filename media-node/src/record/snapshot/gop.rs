use std::collections::VecDeque;

use crate::media::{MediaError, Picture, VideoDecoder};
use crate::stream::{AccessUnit, Coding, PictureLimit};

/// The most coded bytes that are kept. A longer group of pictures is decoded as it comes, half of this at a time.
pub(super) const KEPT_BYTES: usize = 8 << 20;

/// The most that is kept for whatever reason. Units that are presented long after they are decoded wait until then.
const MOST_BYTES: usize = 4 * KEPT_BYTES;

/// The group of pictures that is being sent: the units since the newest key frame, as far as they are not decoded.
///
/// Nothing is decoded until a picture is wanted. Then the decoder goes from the key frame to the wanted frame, leaving out
/// what no other frame is predicted from; the next picture out of the same group goes on from there. So a unit is decoded
/// once at most, and none behind the last wanted frame of a group.
#[derive(Default)]
pub(super) struct Gop {
    limit: PictureLimit,
    coding: Coding,
    key: Option<AccessUnit>,
    /// Not decoded yet, in decoding order.
    queue: VecDeque<AccessUnit>,
    pub(super) bytes: usize,
    /// Has what lies before the queue.
    decoder: Option<VideoDecoder>,
    out: Decoded,
    /// Units that were given to a decoder, over all groups.
    decoded: u64,
}

/// What has come out of the decoder, in the order of presentation.
#[derive(Default)]
struct Decoded {
    /// The last one at or before the wanted time.
    shown: Option<(Picture, i64)>,
    ahead: VecDeque<(Picture, i64)>,
}

impl Decoded {
    fn add(&mut self, picture: Picture, pts_us: i64, at_us: i64) {
        if pts_us <= at_us {
            self.shown = Some((picture, pts_us));
        } else {
            self.ahead.push_back((picture, pts_us));
        }
    }

    /// Whether the picture that is shown at `at_us` is there: its own, or one behind it.
    fn has(&mut self, at_us: i64) -> bool {
        while self.ahead.front().is_some_and(|(_, pts_us)| *pts_us <= at_us) {
            self.shown = self.ahead.pop_front();
        }
        !self.ahead.is_empty() || self.shown.as_ref().is_some_and(|(_, pts_us)| *pts_us == at_us)
    }

    fn shown(&self) -> Option<&Picture> {
        self.shown.as_ref().map(|(picture, _)| picture)
    }
}

impl Gop {
    /// Pictures beyond the limit are not decoded.
    pub(super) fn new(limit: PictureLimit) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// How the units that follow are coded; the first of them is a key frame.
    pub(super) fn set_coding(&mut self, coding: Coding) {
        self.clear();
        self.coding = coding;
    }

    /// The next unit in decoding order; a key frame begins anew.
    pub(super) fn push(&mut self, unit: AccessUnit) -> Result<(), MediaError> {
        if unit.keyframe {
            self.clear();
            self.key = Some(unit.clone());
        } else if self.key.is_none() {
            return Ok(());
        }
        let newest_dts_us = unit.dts_us;
        self.bytes += unit.data.len();
        self.queue.push_back(unit);
        if self.bytes > KEPT_BYTES {
            // What is shown later than the newest unit is decoded may be wanted still.
            while self.bytes > KEPT_BYTES / 2 && self.queue.front().is_some_and(|oldest| oldest.pts_us < newest_dts_us)
            {
                self.step(newest_dts_us)?;
            }
        }
        if self.bytes > MOST_BYTES {
            // Times that are too far apart for a decoder to work on: the next key frame begins anew.
            self.clear();
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            coding: self.coding,
            decoded: self.decoded,
            ..Self::new(self.limit)
        };
    }

    /// The key frame alone, which costs one unit and leaves the rest as it is.
    pub(super) fn key_picture(&mut self) -> Result<Option<Picture>, MediaError> {
        let Some(key) = &self.key else { return Ok(None) };
        let mut decoder = VideoDecoder::new(self.coding, self.limit)?;
        let mut found = None;
        self.decoded += 1;
        decoder.decode(&key.data, key.pts_us, key.dts_us, |picture, _| found = Some(picture))?;
        decoder.finish(|picture, _| found = Some(picture))?;
        Ok(found)
    }

    /// The picture that is shown at `at_us`: its own or, where that is damaged, the one before. `None` when more units have
    /// to come before the decoder gives it away. Times grow from call to call.
    pub(super) fn picture(&mut self, at_us: i64) -> Result<Option<&Picture>, MediaError> {
        while !self.out.has(at_us) {
            if self.queue.is_empty() {
                return Ok(None);
            }
            self.step(at_us)?;
        }
        Ok(self.out.shown())
    }

    /// The same when no more units of this group come; `None` when nothing of it can be decoded.
    pub(super) fn last_picture(&mut self, at_us: i64) -> Result<Option<&Picture>, MediaError> {
        if self.picture(at_us)?.is_none()
            && let Some(mut decoder) = self.decoder.take()
        {
            decoder.finish(|picture, pts_us| self.out.add(picture, pts_us, at_us))?;
            self.out.has(at_us);
        }
        Ok(self.out.shown())
    }

    pub(super) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// Decodes the oldest unit, or leaves it out; `at_us` is the time of the wanted frame.
    fn step(&mut self, at_us: i64) -> Result<(), MediaError> {
        let Some(unit) = self.queue.pop_front() else {
            return Ok(());
        };
        self.bytes -= unit.data.len();
        if unit.pts_us < at_us && !self.coding.codec.is_reference(&unit.data) {
            return Ok(());
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => self.decoder.insert(VideoDecoder::new(self.coding, self.limit)?),
        };
        self.decoded += 1;
        let out = &mut self.out;
        let decoded = decoder.decode(&unit.data, unit.pts_us, unit.dts_us, |picture, pts_us| {
            out.add(picture, pts_us, at_us);
        });
        if let Err(error) = decoded {
            // The frames around it may be good.
            tracing::debug!(%error, "a unit is left out of pictures");
        }
        Ok(())
    }
}
