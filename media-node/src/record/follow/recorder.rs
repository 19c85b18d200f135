use protocol::{Desired, Roster, StreamName};

use super::plan::Plan;
use crate::selection::{Pictures, Tracks, Views};
use crate::stream::{Patience, StreamEvent};

/// What a user's streams bring.
#[derive(Debug)]
pub enum Input {
    /// One of the streams has brought something. After its end another session of the stream may follow.
    Event(StreamName, StreamEvent),
    /// Which tracks are recorded from here on; the others end.
    Wanted(Tracks),
    /// Time passes.
    Tick,
}

/// What becomes of what the users of a channel send.
pub trait Recorder: Send + 'static {
    type Inlet: Inlet;

    /// Which of a user's streams may be the user's picture.
    const PICTURES: Pictures;

    /// Whether each user gets files of their own, which the recording has to remember for as long as it lasts.
    const SEPARATES_USERS: bool;

    /// A user is to be recorded. The answer takes what the user's streams bring; the future ends when all of that is
    /// dealt with, after the last clone of the inlet was dropped.
    fn begin(&mut self, uid: &str, wanted: Tracks) -> (Self::Inlet, impl Future<Output = ()> + Send + 'static);

    /// What is shown of each user, for what is wanted now.
    fn views(&self, _wanted: &Desired) -> Views {
        Views::pictures()
    }

    /// Done when [`Self::views`] has another answer for the same. Dropping the future loses nothing.
    fn views_changed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Who is in the channel and what is wanted, at the beginning and whenever either may have changed.
    fn follow(&mut self, roster: &Roster, plan: &Plan, desired: &Desired);

    /// False when a part of it has stopped that it cannot do without.
    fn goes_on(&self) -> bool {
        true
    }

    /// All users have ended.
    fn end(self) -> impl Future<Output = ()> + Send;
}

/// Takes what the streams of one user bring.
pub trait Inlet: Clone + Send + Sync + 'static {
    /// How late what is brought may come, where a mix waits for it for `jitter_us`.
    fn patience(_jitter_us: i64) -> Patience {
        Patience::Endless
    }

    /// Whether the pictures that this stream brings are left out until its next keyframe, since those before them were more than what
    /// takes them keeps up with, and another keyframe would be of use now.
    fn lacks_keyframe(&self, _stream: StreamName) -> bool {
        false
    }

    /// Waits while there is no room.
    fn take(&self, input: Input) -> impl Future<Output = Result<(), Closed>> + Send;
}

/// Nobody takes what streams bring any more.
#[derive(Debug)]
pub struct Closed;
