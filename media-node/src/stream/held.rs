//! The frames of a track that has no place on the timeline yet.

use std::collections::VecDeque;

use super::Track;
use super::depacketize::FrameFormat;
use super::punctuality::Patience;
use super::succession::Timed;

const MAX_FRAMES: usize = 4096;
const MAX_BYTES: usize = 16 << 20;
/// Where the least delay falls by this much, more comes than is sent: it was sent before.
const FALLING_US: i64 = 40_000;

/// The most media that is taken to be of one packet.
const LARGEST_PACKET_US: i64 = 500_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: VecDeque<Timed>,
    bytes: usize,
    /// The delay that the next frame of a burst falls below,
    delay_us: Option<i64>,
    /// and when the last one came.
    burst_us: Option<i64>,
}

impl Held {
    pub(super) fn push(&mut self, timed: Timed) {
        let (lag_us, arrival_us) = (lag_us(&timed), timed.frame.arrival_us);
        let delay_us = *self.delay_us.get_or_insert(lag_us);
        if delay_us.saturating_sub(lag_us) >= FALLING_US {
            (self.delay_us, self.burst_us) = (Some(lag_us), Some(arrival_us));
        }
        self.bytes += timed.frame.data.len();
        self.frames.push_back(timed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.frames.len() >= MAX_FRAMES || self.bytes >= MAX_BYTES
    }

    pub(super) fn since_us(&self) -> Option<i64> {
        self.frames.iter().map(|timed| timed.frame.arrival_us).min()
    }

    /// When the last frame came that came faster than it was sent.
    pub(super) fn burst_us(&self) -> Option<i64> {
        self.burst_us
    }

    /// How much media came with the last frame: of sound that is sent in large packets nothing more comes for so long.
    pub(super) fn packet_us(&self) -> i64 {
        let Some(last) = self.frames.back() else { return 0 };
        let together = self.frames.iter().rev();
        let together = together.take_while(|timed| timed.frame.arrival_us == last.frame.arrival_us);
        let first_us = together.map(|timed| timed.rtp_us).min().unwrap_or(last.rtp_us);
        last.rtp_us.saturating_sub(first_us).min(LARGEST_PACKET_US)
    }

    /// Arrival minus RTP time of the frame that came with the least delay.
    pub(super) fn lag_us(&self) -> Option<i64> {
        self.frames.iter().map(lag_us).min()
    }

    /// The earliest RTP time.
    pub(super) fn first_us(&self) -> Option<i64> {
        self.frames.iter().map(|timed| timed.rtp_us).min()
    }

    pub(super) fn formats(&self) -> impl Iterator<Item = &FrameFormat> {
        self.frames.iter().filter_map(|timed| timed.frame.format.as_ref())
    }

    /// How long before `from_us` of RTP time the last frame lies with which decoding can begin there; `None` where there is
    /// none.
    pub(super) fn entry_before(&self, from_us: i64) -> Option<i64> {
        let entries = self.frames.iter().filter(|timed| timed.frame.keyframe);
        let before_us = entries.map(|timed| from_us.saturating_sub(timed.rtp_us));
        before_us.filter(|before_us| *before_us > 0).min()
    }

    /// Leaves out the frames from before `from_us` of RTP time and those that nothing can be made of without them; and the sound
    /// at the beginning of a burst that is too late beside its end. Returns the format that they brought: it holds for what
    /// follows.
    pub(super) fn leave_out_before(&mut self, from_us: i64, patience: Patience, kind: Track) -> Option<FrameFormat> {
        let least_us = self.lag_us().unwrap_or_default();
        let is_over = |timed: &Timed| patience.is_over(lag_us(timed).saturating_sub(least_us));
        let is_needless = |timed: &Timed| timed.rtp_us < from_us || (kind == Track::Audio && is_over(timed));
        if !self.frames.front().is_some_and(is_needless) {
            return None;
        }
        let first = self
            .frames
            .iter()
            .position(|timed| timed.frame.keyframe && !is_needless(timed));
        let mut format = None;
        for timed in self.frames.drain(..first.unwrap_or(self.frames.len())) {
            self.bytes -= timed.frame.data.len();
            format = timed.frame.format.or(format);
        }
        if self.frames.is_empty() {
            (self.delay_us, self.burst_us) = (None, None);
        }
        format
    }

    pub(super) fn take(&mut self) -> VecDeque<Timed> {
        std::mem::take(self).frames
    }
}

fn lag_us(timed: &Timed) -> i64 {
    timed.frame.arrival_us.saturating_sub(timed.rtp_us)
}
