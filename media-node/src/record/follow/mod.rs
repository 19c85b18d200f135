//! Follows a channel: from the roster and the subscription to open streams. It knows users, their streams, and how streams
//! are opened, closed and opened again. It does not know what becomes of what they bring: that is a [`Recorder`]'s part.
//!
//! `plan` says which streams are wanted; `engine` follows roster and desired state and keeps a task for each wanted user;
//! `session` runs a user's sessions; `gate` and `choice` see to it that of several streams of a user one is the picture and
//! one is the sound. All but `engine` and `session` are free of tasks, sockets and clocks.

mod engine;
mod plan;
mod session;
#[cfg(test)]
pub mod testing;

use protocol::{Desired, Roster, StreamName};
use tokio::sync::mpsc;

use crate::capture::{self, CaptureEvent, CaptureRequest, Pace};
use crate::channel::{Credentials, RosterError, RosterSource};
use crate::selection::{Pictures, Tracks};

pub use engine::{Presence, Shared, refuse, run};
pub use plan::Plan;

/// What a user's streams bring.
#[derive(Debug)]
pub enum Input {
    /// From one of the streams. After its end another session of the stream may follow.
    Event(StreamName, CaptureEvent),
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

    /// A user is to be recorded. The answer takes what the user's streams bring; the future ends when all of that is
    /// dealt with, after the last clone of the inlet was dropped.
    fn begin(&mut self, uid: &str, wanted: Tracks) -> (Self::Inlet, impl Future<Output = ()> + Send + 'static);

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
    /// Whose clock sets the pace of what is brought.
    const PACE: Pace = Pace::Sender;

    /// Waits while there is no room.
    fn take(&self, input: Input) -> impl Future<Output = Result<(), Closed>> + Send;
}

/// Nobody takes what streams bring any more.
#[derive(Debug)]
pub struct Closed;

/// Who is in the channel.
pub trait Rosters: Send {
    /// At once with the present roster, then at changes. An error means that the roster is not known at present.
    fn next(&mut self) -> impl Future<Output = Result<Roster, RosterError>> + Send;
    fn credentials(&self, uid: &str) -> Option<Credentials>;
}

impl Rosters for RosterSource {
    fn next(&mut self) -> impl Future<Output = Result<Roster, RosterError>> + Send {
        Self::next(self)
    }

    fn credentials(&self, uid: &str) -> Option<Credentials> {
        Self::credentials(self, uid)
    }
}

/// What opens streams.
pub trait Captures: Clone + Send + Sync + 'static {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<CaptureEvent>;
}

#[derive(Clone, Copy)]
pub struct Rtsp;

impl Captures for Rtsp {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<CaptureEvent> {
        capture::open(request)
    }
}
