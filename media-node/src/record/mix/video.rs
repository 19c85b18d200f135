//! One user's video on the way to the canvas: coded units in, the picture to show at a time out. What nobody sees is
//! not decoded.

use std::collections::VecDeque;

use super::Counters;
use crate::capture::AccessUnit;
use crate::media::{Picture, VideoDecoder, annexb};

/// Coded bytes that wait for one user at most. It holds the longest group of pictures that a hidden user can be shown
/// from without waiting for the next key frame.
const QUEUE_BYTES: usize = 16 << 20;

/// A unit up to this size may hold no more than "as before", so that its picture is compared with the last one: a
/// still picture is then neither scaled nor painted again. Larger units always change something.
const REPEAT_BYTES: usize = 512;

#[derive(Default)]
pub struct VideoTrack {
    /// Not decoded yet, in decoding order.
    queue: VecDeque<AccessUnit>,
    queued: usize,
    decoder: Option<VideoDecoder>,
    /// Times of small units in the decoder.
    small: VecDeque<i64>,
    /// Decoded and later than what is shown, in the order of presentation.
    ahead: VecDeque<Decoded>,
    shown: Option<Decoded>,
    made: u64,
    /// No more units come.
    ended: bool,
}

pub struct Decoded {
    pub picture: Picture,
    pub pts_us: i64,
    /// Another one for another content.
    pub id: u64,
    small: bool,
}

impl VideoTrack {
    pub fn push(&mut self, unit: AccessUnit, counters: &mut Counters) {
        self.queued += unit.data.len();
        self.queue.push_back(unit);
        if self.queued <= QUEUE_BYTES {
            return;
        }
        // Decoding can only go on at a key frame.
        self.decoder = None;
        while self.pop().is_some() {
            counters.video_units_dropped += 1;
            if self.queued <= QUEUE_BYTES / 2 && self.queue.front().is_none_or(|unit| unit.keyframe) {
                break;
            }
        }
    }

    /// The newest picture at or before `at_us`. Answers whether there is a newer one than at the last call.
    pub fn advance(&mut self, at_us: i64, counters: &mut Counters) -> bool {
        // A picture that is later shows that no earlier one is still inside the decoder.
        while self.ahead.back().is_none_or(|last| last.pts_us <= at_us) {
            if self.decoder.is_none() && !self.restart(at_us, counters) {
                break;
            }
            let Some(unit) = self.pop() else {
                self.drain(counters);
                break;
            };
            if self.superseded(&unit, at_us) {
                counters.pictures_skipped += 1;
            } else {
                self.decode(&unit, counters);
            }
        }
        let mut newer = false;
        while self.ahead.front().is_some_and(|next| next.pts_us <= at_us) {
            counters.pictures_skipped += u64::from(newer);
            newer = true;
            self.show_next();
        }
        newer
    }

    /// Keeps what a later [`advance`](Self::advance) needs, for a user whom nobody sees: the decoder runs on only until
    /// the next key frame, where it can start again.
    pub fn rest(&mut self, at_us: i64, counters: &mut Counters) {
        while self.decoder.is_some() && self.ahead.back().is_none_or(|last| last.pts_us <= at_us) {
            let Some(next) = self.queue.front() else { break };
            if next.keyframe && next.pts_us <= at_us {
                self.decoder = None;
                self.ahead.clear();
                self.shown = None;
            }
            if next.keyframe {
                break;
            }
            if let Some(unit) = self.pop() {
                self.decode(&unit, counters);
            }
        }
        while self.ahead.front().is_some_and(|next| next.pts_us <= at_us) {
            self.show_next();
        }
        if self.decoder.is_none() {
            self.skip_to_key(at_us);
        }
    }

    /// Forgets what was sent until `at_us`: the user left.
    pub fn leave(&mut self, at_us: i64) {
        self.decoder = None;
        self.small.clear();
        self.ahead.clear();
        self.shown = None;
        while self.queue.front().is_some_and(|unit| unit.pts_us <= at_us) {
            self.pop();
        }
    }

    /// No more units come, so that nothing in the decoder waits for one.
    pub fn end(&mut self) {
        self.ended = true;
    }

    pub fn shown(&self) -> Option<&Decoded> {
        self.shown.as_ref()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.shown.is_none()
    }

    fn pop(&mut self) -> Option<AccessUnit> {
        let unit = self.queue.pop_front()?;
        self.queued -= unit.data.len();
        Some(unit)
    }

    /// A new decoder in front of a key frame; false while there is none.
    fn restart(&mut self, at_us: i64, counters: &mut Counters) -> bool {
        self.skip_to_key(at_us);
        while self.queue.front().is_some_and(|unit| !unit.keyframe) {
            counters.video_units_dropped += 1;
            self.pop();
        }
        if self.queue.is_empty() {
            return false;
        }
        self.small.clear();
        self.decoder = VideoDecoder::h264().ok();
        self.decoder.is_some()
    }

    /// Drops what lies before the newest key frame that is due.
    fn skip_to_key(&mut self, at_us: i64) {
        let due = |unit: &AccessUnit| unit.keyframe && unit.pts_us <= at_us;
        if let Some(key) = self.queue.iter().rposition(due) {
            for _ in 0..key {
                self.pop();
            }
        }
    }

    /// Whether the picture would never be seen and is needed for no other one.
    fn superseded(&self, unit: &AccessUnit, at_us: i64) -> bool {
        unit.pts_us < at_us
            && self.queue.iter().any(|other| unit.pts_us < other.pts_us && other.pts_us <= at_us)
            && !annexb::is_reference(&unit.data)
    }

    fn decode(&mut self, unit: &AccessUnit, counters: &mut Counters) {
        let Self { decoder: Some(decoder), small, ahead, made, .. } = self else { return };
        if unit.data.len() <= REPEAT_BYTES {
            small.push_back(unit.pts_us);
        }
        let mut keep = |picture, pts_us| {
            counters.pictures_decoded += 1;
            *made += 1;
            let at = small.iter().position(|time| *time == pts_us);
            let small = at.and_then(|at| small.remove(at)).is_some();
            let place = ahead.iter().rposition(|other| other.pts_us <= pts_us).map_or(0, |index| index + 1);
            ahead.insert(place, Decoded { picture, pts_us, id: *made, small });
        };
        let decoded = decoder.decode(&unit.data, unit.pts_us, unit.dts_us, &mut keep);
        counters.units_undecodable += u64::from(decoded.is_err());
        // A decoder that gives pictures other times than it was fed with must not fill the list.
        while small.len() > 32 {
            small.pop_front();
        }
    }

    /// At the end of the stream, takes what the decoder kept back.
    fn drain(&mut self, counters: &mut Counters) {
        if !self.ended {
            return;
        }
        let Some(mut decoder) = self.decoder.take() else { return };
        let Self { ahead, made, .. } = self;
        let drained = decoder.finish(|picture, pts_us| {
            counters.pictures_decoded += 1;
            *made += 1;
            ahead.push_back(Decoded { picture, pts_us, id: *made, small: false });
        });
        counters.units_undecodable += u64::from(drained.is_err());
    }

    fn show_next(&mut self) {
        let Some(mut next) = self.ahead.pop_front() else { return };
        if let Some(last) = &self.shown
            && next.small
            && next.picture.same_content(&last.picture)
        {
            next.id = last.id;
        }
        self.shown = Some(next);
    }
}
