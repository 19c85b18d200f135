use protocol::Roster;
use tokio::sync::mpsc;

use crate::capture::{self, CaptureRequest};
use crate::channel::{Credentials, RosterError, RosterSource};
use crate::stream::StreamEvent;

/// Who is in the channel.
pub trait Rosters: Send {
    /// Answers at once with the present roster, then at changes. An error means that the roster is not known at present.
    fn next(&mut self) -> impl Future<Output = Result<Roster, RosterError>> + Send;
    fn credentials(&self, uid: &str) -> Option<Credentials>;
    /// Whether others built what sends the streams.
    fn is_foreign(&self) -> bool;
}

impl Rosters for RosterSource {
    fn next(&mut self) -> impl Future<Output = Result<Roster, RosterError>> + Send {
        Self::next(self)
    }

    fn credentials(&self, uid: &str) -> Option<Credentials> {
        Self::credentials(self, uid)
    }

    fn is_foreign(&self) -> bool {
        Self::is_foreign(self)
    }
}

/// What opens streams.
pub trait Captures: Clone + Send + Sync + 'static {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<StreamEvent>;
}

/// Captures by RTSP, from whatever server has the stream.
#[derive(Clone, Copy)]
pub struct Rtsp;

impl Captures for Rtsp {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<StreamEvent> {
        capture::open(request)
    }
}
