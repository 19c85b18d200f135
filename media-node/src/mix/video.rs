//! One user's video on the way to the canvas: coded units in, the picture to show at a time out. What nobody sees is
//! not decoded.

use std::collections::VecDeque;

use super::counters::Counters;
use crate::media::{Picture, VideoDecoder};
use crate::stream::{AccessUnit, Coding, PictureLimit, VideoCodec};

/// The most coded bytes that wait for one user. They hold the longest group of pictures that a hidden user can be shown
/// from without waiting for the next key frame.
const QUEUE_BYTES: usize = 16 << 20;

/// A unit up to this size may hold no more than "as before", so that its picture is compared with the last one: a
/// still picture is then neither scaled nor painted again. Larger units always change something.
const REPEAT_BYTES: usize = 512;

#[derive(Default)]
pub struct VideoTrack {
    limit: PictureLimit,
    /// How the units are coded that come.
    coding: Coding,
    /// Not decoded yet, in decoding order.
    queue: VecDeque<(Coding, AccessUnit)>,
    queued: usize,
    decoder: Option<VideoDecoder>,
    /// Units whose pictures have not come out of the decoder.
    inside: Vec<Inside>,
    /// Decoded pictures later than the one that is shown, in the order in which they come out, which is that of presentation.
    ahead: VecDeque<Decoded>,
    ahead_bytes: u64,
    shown: Option<Decoded>,
    made: u64,
    /// Units were lost in front of the next one,
    lost: bool,
    /// and of those in the queue in front of the ones with these decoding times.
    anew: VecDeque<i64>,
    /// Units that were to be shown could not be: the keyframe in front of them was left out.
    lacks_keyframe: bool,
    /// No more units come.
    ended: bool,
    /// Units that its decoders refused, since that was last asked.
    pub undecodable: u32,
}

struct Inside {
    pts_us: i64,
    small: bool,
}

pub struct Decoded {
    pub picture: Picture,
    pub pts_us: i64,
    /// Differs where the content differs.
    pub id: u64,
    small: bool,
}

impl VideoTrack {
    /// Pictures beyond the limit are not decoded.
    pub fn new(limit: PictureLimit) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Units were lost in front of the next one: what a decoder still has of the pictures before is of no use to it.
    pub fn lost(&mut self) {
        self.lost = true;
    }

    /// How the units that follow are coded. The first of them is a key frame.
    pub fn set_coding(&mut self, coding: Coding) {
        self.coding = coding;
    }

    pub fn push(&mut self, unit: AccessUnit, counters: &mut Counters) {
        if std::mem::take(&mut self.lost) {
            self.anew.push_back(unit.dts_us);
        }
        self.lacks_keyframe &= !unit.keyframe;
        self.queued += unit.data.len();
        self.queue.push_back((self.coding, unit));
        if self.queued <= QUEUE_BYTES {
            return;
        }
        // Decoding can only go on at a key frame.
        self.decoder = None;
        self.inside.clear();
        while self.pop().is_some() {
            counters.video_units_dropped += 1;
            if self.queued <= QUEUE_BYTES / 2 && self.queue.front().is_none_or(|(_, unit)| unit.keyframe) {
                break;
            }
        }
    }

    /// Makes the newest picture at or before `at_us` the shown one.
    pub fn advance(&mut self, at_us: i64, counters: &mut Counters) {
        while self.needs_more(at_us) {
            if self.is_at_other_coding() {
                self.empty_decoder(counters);
            }
            if self.decoder.is_none() && !self.restart(at_us, counters) {
                break;
            }
            let Some((coding, unit)) = self.pop() else {
                self.drain(counters);
                break;
            };
            if self.superseded(coding.codec, &unit, at_us) {
                counters.pictures_skipped += 1;
            } else {
                self.decode(&unit, counters);
            }
        }
        self.show_due(at_us, counters);
    }

    /// Like [`advance`](Self::advance), but decodes only the newest key frame of what is due. What follows it cannot be
    /// decoded then; decoding goes on at the next key frame.
    pub fn jump(&mut self, at_us: i64, counters: &mut Counters) {
        let due = |(_, unit): &(Coding, AccessUnit)| unit.keyframe && unit.pts_us <= at_us;
        let Some(key) = self.queue.iter().rposition(due) else {
            return;
        };
        counters.video_units_dropped += key as u64;
        for _ in 0..key {
            self.pop();
        }
        self.forget_ahead();
        self.inside.clear();
        if let Some((coding, unit)) = self.pop() {
            self.decoder = VideoDecoder::new(coding, self.limit).ok();
            self.decode(&unit, counters);
        }
        self.empty_decoder(counters);
        self.show_due(at_us, counters);
    }

    /// Whether a picture that is due is not decoded, or waits in the decoder for later units. No picture is due before
    /// its unit's decoding time.
    fn needs_more(&self, at_us: i64) -> bool {
        let next_due = self.queue.front().is_some_and(|(_, next)| next.dts_us <= at_us);
        next_due || self.inside.iter().any(|unit| unit.pts_us <= at_us)
    }

    fn show_due(&mut self, at_us: i64, counters: &mut Counters) {
        let mut newer = false;
        while self.ahead.front().is_some_and(|next| next.pts_us <= at_us) {
            counters.pictures_skipped += u64::from(newer);
            newer = true;
            self.show_next();
        }
    }

    /// Keeps what a later [`advance`](Self::advance) needs, for a user whom nobody sees: the decoder runs on only until
    /// the next key frame, where it can start again.
    pub fn rest(&mut self, at_us: i64, counters: &mut Counters) {
        while self.decoder.is_some() && self.needs_more(at_us) {
            match self.queue.front() {
                Some((_, next)) if !next.keyframe => {}
                Some((_, next)) if next.pts_us <= at_us => self.stop(),
                _ => break,
            }
            if self.decoder.is_some()
                && let Some((_, unit)) = self.pop()
            {
                self.decode(&unit, counters);
            }
        }
        self.show_due(at_us, counters);
        if self.decoder.is_none() {
            self.skip_to_key(at_us);
        }
    }

    /// Forgets what was sent until `at_us`: the user left.
    pub fn leave(&mut self, at_us: i64) {
        self.stop();
        self.lacks_keyframe = false;
        while self.queue.front().is_some_and(|(_, unit)| unit.pts_us <= at_us) {
            self.pop();
        }
    }

    /// No more units come, so that nothing in the decoder waits for one.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether nothing that comes can be shown before the next keyframe.
    pub fn lacks_keyframe(&self) -> bool {
        self.lacks_keyframe
    }

    pub fn shown(&self) -> Option<&Decoded> {
        self.shown.as_ref()
    }

    /// Whether a picture of the track is due or was.
    pub fn has_begun(&self, at_us: i64) -> bool {
        self.shown.is_some() || self.queue.front().is_some_and(|(_, unit)| unit.pts_us <= at_us)
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.shown.is_none()
    }

    fn stop(&mut self) {
        self.decoder = None;
        self.inside.clear();
        self.forget_ahead();
        self.shown = None;
    }

    fn forget_ahead(&mut self) {
        self.ahead.clear();
        self.ahead_bytes = 0;
    }

    fn pop(&mut self) -> Option<(Coding, AccessUnit)> {
        let (coding, unit) = self.queue.pop_front()?;
        self.queued -= unit.data.len();
        while self.anew.front().is_some_and(|dts_us| *dts_us < unit.dts_us) {
            self.anew.pop_front();
        }
        Some((coding, unit))
    }

    /// The next unit is not for this decoder, which has what lies before it.
    fn is_at_other_coding(&self) -> bool {
        let next = self.queue.front().map(|(coding, _)| *coding);
        let own = self.decoder.as_ref().map(VideoDecoder::coding);
        next.zip(own).is_some_and(|(next, own)| next != own)
    }

    /// A new decoder in front of a key frame; false while there is none.
    fn restart(&mut self, at_us: i64, counters: &mut Counters) -> bool {
        self.skip_to_key(at_us);
        let mut has_dropped = false;
        while self.queue.front().is_some_and(|(_, unit)| !unit.keyframe) {
            counters.video_units_dropped += 1;
            has_dropped = true;
            self.pop();
        }
        let Some((coding, _)) = self.queue.front() else {
            self.lacks_keyframe |= has_dropped;
            return false;
        };
        self.inside.clear();
        self.decoder = VideoDecoder::new(*coding, self.limit).ok();
        self.decoder.is_some()
    }

    /// Drops what lies before the newest key frame that is due.
    fn skip_to_key(&mut self, at_us: i64) {
        let due = |(_, unit): &(Coding, AccessUnit)| unit.keyframe && unit.pts_us <= at_us;
        if let Some(key) = self.queue.iter().rposition(due) {
            for _ in 0..key {
                self.pop();
            }
        }
    }

    /// Whether the picture would never be seen and is needed for no other one.
    fn superseded(&self, codec: VideoCodec, unit: &AccessUnit, at_us: i64) -> bool {
        unit.pts_us < at_us
            && self
                .queue
                .iter()
                .any(|(_, other)| unit.pts_us < other.pts_us && other.pts_us <= at_us)
            && !codec.is_reference(&unit.data)
    }

    fn decode(&mut self, unit: &AccessUnit, counters: &mut Counters) {
        let coding = self.decoder.as_ref().map(VideoDecoder::coding);
        if self.anew.front() == Some(&unit.dts_us)
            && let Some(coding) = coding
        {
            // A decoder shows pictures that are refreshed part by part once they are whole, but only from its own beginning on.
            self.empty_decoder(counters);
            self.decoder = VideoDecoder::new(coding, self.limit).ok();
        }
        let Some(decoder) = &mut self.decoder else { return };
        self.inside.push(Inside {
            pts_us: unit.pts_us,
            small: unit.data.len() <= REPEAT_BYTES,
        });
        let inside = &mut self.inside;
        let mut out = Vec::new();
        let decoded = decoder.decode(&unit.data, unit.pts_us, unit.dts_us, |picture, pts_us| {
            let small = inside.iter().any(|unit| unit.small && unit.pts_us == pts_us);
            // Pictures come in their order, so that no earlier one follows.
            inside.retain(|unit| unit.pts_us > pts_us);
            out.push((picture, pts_us, small));
        });
        if decoded.is_err() {
            counters.units_undecodable += 1;
            self.undecodable += 1;
            self.inside.retain(|other| other.pts_us != unit.pts_us);
        }
        for (picture, pts_us, small) in out {
            self.keep_ahead(picture, pts_us, small, counters);
        }
    }

    /// Keeps a picture for its time, unless those before it take all the memory that there is for them.
    fn keep_ahead(&mut self, picture: Picture, pts_us: i64, small: bool, counters: &mut Counters) {
        counters.pictures_decoded += 1;
        counters.pixels_decoded += u64::from(picture.width()) * u64::from(picture.height());
        self.made += 1;
        let bytes = picture.bytes() as u64;
        if !self.ahead.is_empty() && self.ahead_bytes + bytes > self.limit.bytes() {
            counters.pictures_skipped += 1;
            return;
        }
        self.ahead_bytes += bytes;
        self.ahead.push_back(Decoded {
            picture,
            pts_us,
            id: self.made,
            small,
        });
    }

    /// Takes what the decoder kept back, at the end of the stream.
    fn drain(&mut self, counters: &mut Counters) {
        if self.ended {
            self.empty_decoder(counters);
        }
    }

    fn empty_decoder(&mut self, counters: &mut Counters) {
        let Some(mut decoder) = self.decoder.take() else { return };
        self.inside.clear();
        let drained = decoder.finish(|picture, pts_us| self.keep_ahead(picture, pts_us, false, counters));
        counters.units_undecodable += u64::from(drained.is_err());
    }

    fn show_next(&mut self) {
        let Some(mut next) = self.ahead.pop_front() else { return };
        self.ahead_bytes = self.ahead_bytes.saturating_sub(next.picture.bytes() as u64);
        if let Some(last) = &self.shown
            && next.small
            && next.picture.same_content(&last.picture)
        {
            next.id = last.id;
        }
        self.shown = Some(next);
    }
}

#[cfg(test)]
mod tests;
