use super::{AccessUnit, Format, Locked, Track};

/// What one stream tells while it is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// Comes before the first unit of a track, before the first unit of a new format, and again with the same format
    /// where a track begins anew: its clock was set, it paused, or its sound was silent for long. Times keep growing, but
    /// the two pieces do not join. The unit behind it is a keyframe.
    Format(Track, Format),
    Unit(Track, AccessUnit),
    /// Packets that never came, by the gap in their sequence numbers; 0 where the sender counts anew, and nobody knows how many.
    /// The next video unit is a keyframe.
    Lost(Track, u64),
    /// A packet that could not be read, and why: as good as lost.
    Unreadable(Track, &'static str),
    /// The stream did not keep time, and what follows is placed so many microseconds later than its clock has it: it stood
    /// still, or its clock is slow. Negative for earlier: its clock is fast.
    Moved(i64),
    /// A track comes, and for long nothing that decoding could begin with: none of it can be recorded. With the reason for which
    /// packets could not be read, if some could not.
    NoEntry(Track, Option<&'static str>),
    /// The sender's clock was set anew amid pictures that need one another: they are left out up to the next keyframe.
    Skipped(Track),
    /// Another second of a track came too late to be used.
    TooLate(Track),
    /// A unit of a track has another time than its sender gave it, which lay before what was there, or far from its
    /// neighbours'.
    Restamped(Track),
    /// Units of a track are left out from here on, because they cannot be had in clear.
    Locked(Track, Locked),
    /// A track that is offered but cannot be recorded.
    Unsupported(Track, String),
    /// The last event.
    Ended(StreamEnd),
}

impl StreamEvent {
    /// The track that it tells of; `None` where that is the whole stream.
    pub fn track(&self) -> Option<Track> {
        match self {
            Self::Format(track, _)
            | Self::Unit(track, _)
            | Self::Lost(track, _)
            | Self::Unreadable(track, _)
            | Self::NoEntry(track, _)
            | Self::Skipped(track)
            | Self::TooLate(track)
            | Self::Restamped(track)
            | Self::Locked(track, _)
            | Self::Unsupported(track, _) => Some(*track),
            Self::Moved(_) | Self::Ended(_) => None,
        }
    }

    /// The bytes of a unit's media; what else there is takes next to nothing.
    pub fn media_bytes(&self) -> usize {
        match self {
            Self::Unit(_, unit) => unit.data.len(),
            Self::Format(..)
            | Self::Lost(..)
            | Self::Unreadable(..)
            | Self::Moved(_)
            | Self::Restamped(_)
            | Self::TooLate(_)
            | Self::NoEntry(..)
            | Self::Skipped(_)
            | Self::Locked(..)
            | Self::Unsupported(..)
            | Self::Ended(_) => 0,
        }
    }
}

/// Why nothing more comes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The server ended the stream: the publisher left.
    Finished,
    /// No media came for the no-media time-out.
    Silent,
    /// The stream could not be opened or broke off; the text is for a person.
    Failed(String),
}
