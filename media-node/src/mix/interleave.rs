use std::collections::VecDeque;

use crate::stream::AccessUnit;

/// One coded unit of the mixed recording. Each track is in the order of decoding times; all sound before a key frame's
/// presentation comes in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// H.264 in Annex B form. Each key frame is an IDR picture with SPS and PPS in front. The decoding time may lie before
    /// the recording's start.
    Video(AccessUnit),
    /// AAC-LC without ADTS headers.
    Audio(AccessUnit),
    /// The same sound as MP3, where that is asked for: among the units that are played with it.
    Mp3(AccessUnit),
}

impl Output {
    pub fn unit(&self) -> &AccessUnit {
        match self {
            Self::Video(unit) | Self::Audio(unit) | Self::Mp3(unit) => unit,
        }
    }
}

/// Puts the units of both tracks into the order of playing: an encoder keeps pictures back longer than sound. All sound
/// before a key frame's presentation stands in front of it, so that the output can be cut there.
#[derive(Default)]
pub struct Interleave {
    video: VecDeque<Output>,
    audio: VecDeque<Output>,
    mp3: VecDeque<Output>,
    /// Up to where the others are.
    passed_us: i64,
    both: bool,
    ended: bool,
    /// The time from the decoding of the first picture, a key frame, to its presentation; the same for every key frame.
    delay_us: Option<i64>,
}

impl Interleave {
    /// `both`: there is audio and video, so that each waits for the other.
    pub fn new(both: bool) -> Self {
        Self {
            both,
            passed_us: i64::MIN,
            ..Self::default()
        }
    }

    pub fn push(&mut self, output: Output) {
        match &output {
            Output::Video(unit) => {
                self.delay_us.get_or_insert(unit.pts_us - unit.dts_us);
                self.video.push_back(output);
            }
            Output::Audio(_) => self.audio.push_back(output),
            Output::Mp3(_) => self.mp3.push_back(output),
        }
    }

    /// The next unit that no earlier one can follow any more.
    pub fn pop(&mut self) -> Option<Output> {
        if self.mp3.front().is_some_and(|mp3| mp3.unit().dts_us < self.passed_us) {
            return self.mp3.pop_front();
        }
        let next = self.next();
        if let Some(next) = &next {
            self.passed_us = self.passed_us.max(next.unit().dts_us);
        }
        next
    }

    fn next(&mut self) -> Option<Output> {
        let delay_us = self.delay_us.unwrap_or_default();
        match (self.video.front(), self.audio.front()) {
            (Some(video), Some(audio)) if audio.unit().dts_us < video.unit().dts_us + delay_us => {
                self.audio.pop_front()
            }
            (Some(_), Some(_)) => self.video.pop_front(),
            _ if !self.both => self.take_any(),
            _ => None,
        }
    }

    /// Nothing more comes, so that nothing waits any more.
    pub fn finish(&mut self) {
        self.both = false;
        self.ended = true;
    }

    fn take_any(&mut self) -> Option<Output> {
        match self.video.pop_front().or_else(|| self.audio.pop_front()) {
            None if self.ended => self.mp3.pop_front(),
            any => any,
        }
    }
}
