use std::collections::VecDeque;

use super::Output;

/// Puts the units of both tracks into one order of decoding times: an encoder keeps pictures back longer than sound.
#[derive(Default)]
pub struct Interleave {
    video: VecDeque<Output>,
    audio: VecDeque<Output>,
    both: bool,
}

impl Interleave {
    /// `both`: there is audio and video, so that each waits for the other.
    pub fn new(both: bool) -> Self {
        Self {
            both,
            ..Self::default()
        }
    }

    pub fn push(&mut self, output: Output) {
        match output {
            Output::Video(_) => self.video.push_back(output),
            Output::Audio(_) => self.audio.push_back(output),
        }
    }

    /// The next unit that no earlier one can follow any more.
    pub fn pop(&mut self) -> Option<Output> {
        match (self.video.front(), self.audio.front()) {
            (Some(video), Some(audio)) if audio.unit().dts_us < video.unit().dts_us => self.audio.pop_front(),
            (Some(_), Some(_)) => self.video.pop_front(),
            _ if !self.both => self.take_any(),
            _ => None,
        }
    }

    /// From here on nothing more comes, and nothing waits.
    pub fn finish(&mut self) {
        self.both = false;
    }

    fn take_any(&mut self) -> Option<Output> {
        self.video.pop_front().or_else(|| self.audio.pop_front())
    }
}
