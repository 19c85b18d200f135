use std::collections::BTreeMap;

use protocol::StreamName;

use super::tracks::Tracks;
use crate::stream::{Format, Track};

/// What becomes of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It is another stream's track.
    Drop,
    Take,
    /// It is the track from here on, in this format.
    TakeOver(Format),
}

/// Which of a user's streams is the user's sound and which is the user's picture, by what they bring.
///
/// The sound stays with the stream that brings it first until that ends; the picture moves to the stream that began to bring
/// one last, at its first key frame.
#[derive(Debug)]
pub struct Sources {
    audio: Choice,
    video: Choice,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            audio: Choice::first(),
            video: Choice::newest(),
        }
    }
}

impl Sources {
    /// A stream has a track in this format. Answers whether that is the format of the user's track.
    pub fn format(&mut self, track: Track, stream: StreamName, format: &Format) -> bool {
        self.choice_mut(track).format(stream, format)
    }

    /// A stream has brought a unit.
    pub fn unit(&mut self, track: Track, stream: StreamName, keyframe: bool) -> Pass {
        self.choice_mut(track).unit(stream, keyframe)
    }

    /// Whether a stream is the user's track.
    pub fn is(&self, track: Track, stream: StreamName) -> bool {
        self.choice(track).is(stream)
    }

    /// The stream that is the user's track, once there is one.
    pub fn stream(&self, track: Track) -> Option<StreamName> {
        self.choice(track).from
    }

    /// The format of the user's track, once there is one.
    pub fn current(&self, track: Track) -> Option<&Format> {
        self.choice(track).current()
    }

    /// A stream has ended. Answers which of the user's tracks it was.
    pub fn ended(&mut self, stream: StreamName) -> Tracks {
        Tracks {
            audio: self.audio.ended(stream),
            video: self.video.ended(stream),
        }
    }

    /// No stream has brought a track and not ended.
    pub fn is_empty(&self) -> bool {
        self.audio.is_empty() && self.video.is_empty()
    }

    fn choice(&self, track: Track) -> &Choice {
        match track {
            Track::Audio => &self.audio,
            Track::Video => &self.video,
        }
    }

    fn choice_mut(&mut self, track: Track) -> &mut Choice {
        match track {
            Track::Audio => &mut self.audio,
            Track::Video => &mut self.video,
        }
    }
}

/// Which of a user's streams is one of the user's tracks.
#[derive(Debug)]
struct Choice {
    /// The newest stream takes over from the one before.
    newest: bool,
    /// The stream that is the track.
    from: Option<StreamName>,
    /// The format of each stream that has the track.
    formats: BTreeMap<StreamName, Format>,
}

impl Choice {
    /// The stream that brings the track first, until that ends.
    fn first() -> Self {
        Self {
            newest: false,
            from: None,
            formats: BTreeMap::new(),
        }
    }

    /// The stream that began to bring the track last, from its first key frame on.
    fn newest() -> Self {
        Self {
            newest: true,
            ..Self::first()
        }
    }

    /// A stream has the track, in this format. Answers whether that is the format of the track.
    fn format(&mut self, stream: StreamName, format: &Format) -> bool {
        self.formats.insert(stream, format.clone());
        self.is(stream)
    }

    fn unit(&mut self, stream: StreamName, keyframe: bool) -> Pass {
        if self.is(stream) {
            return Pass::Take;
        }
        let free = self.from.is_none() || self.newest;
        match self.formats.get(&stream) {
            Some(format) if free && keyframe => {
                let format = format.clone();
                // The one before takes over again only if it begins anew.
                if let Some(before) = self.from.replace(stream) {
                    self.formats.remove(&before);
                }
                Pass::TakeOver(format)
            }
            _ => Pass::Drop,
        }
    }

    /// The format of the track, once there is one.
    fn current(&self) -> Option<&Format> {
        self.formats.get(&self.from?)
    }

    /// No stream has the track.
    fn is_empty(&self) -> bool {
        self.formats.is_empty()
    }

    fn is(&self, stream: StreamName) -> bool {
        self.from == Some(stream)
    }

    /// A stream has ended. Answers whether it was the track.
    fn ended(&mut self, stream: StreamName) -> bool {
        self.formats.remove(&stream);
        let was = self.is(stream);
        if was {
            self.from = None;
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::OpusFormat;

    const ONE: Format = Format::Opus(OpusFormat { channels: 1 });
    const TWO: Format = Format::Opus(OpusFormat { channels: 2 });

    #[test]
    fn sound_stays_with_the_stream_that_brought_it_first_until_that_ends() {
        let mut choice = Choice::first();
        assert!(!choice.format(StreamName::Camera, &ONE) && !choice.format(StreamName::Audio, &TWO));
        assert_eq!(choice.unit(StreamName::Audio, true), Pass::TakeOver(TWO));
        assert_eq!(choice.unit(StreamName::Camera, true), Pass::Drop);
        assert!(
            choice.format(StreamName::Audio, &ONE),
            "a new format of the same stream"
        );
        assert!(!choice.ended(StreamName::Screen));
        assert!(choice.ended(StreamName::Audio));
        assert_eq!(choice.unit(StreamName::Camera, true), Pass::TakeOver(ONE));
    }

    #[test]
    fn the_picture_moves_to_the_newest_stream_at_a_key_frame_and_not_back() {
        let mut choice = Choice::newest();
        choice.format(StreamName::Camera, &ONE);
        assert_eq!(choice.unit(StreamName::Camera, true), Pass::TakeOver(ONE));
        choice.format(StreamName::Low, &TWO);
        assert_eq!(choice.unit(StreamName::Low, false), Pass::Drop);
        assert_eq!(choice.unit(StreamName::Camera, false), Pass::Take);
        assert_eq!(choice.unit(StreamName::Low, true), Pass::TakeOver(TWO));
        assert_eq!(
            choice.unit(StreamName::Camera, true),
            Pass::Drop,
            "what is still on its way"
        );
        choice.format(StreamName::Camera, &ONE);
        assert_eq!(choice.unit(StreamName::Camera, true), Pass::TakeOver(ONE));
        assert!(!choice.ended(StreamName::Low));
    }
}
