use super::delivery::Attempt;
use super::event::Notice;
use super::incident::Incident;

/// A change of what is kept beside the state. Rows are written in their order and in the same transaction as the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// An event waits at this position in its recording's queue.
    Notice {
        sid: String,
        position: u64,
        notice: Box<Notice>,
    },
    /// The event at this position was tried.
    Attempted {
        sid: String,
        position: u64,
        attempt: Attempt,
    },
    /// The events that wait at the positions from `from` to below `below` are given up.
    GivenUp { sid: String, from: u64, below: u64 },
    /// Nobody wants the events that wait at these positions.
    Unwanted { sid: String, from: u64, below: u64 },
    /// An event that waits no longer waits once more, at another position.
    Again { sid: String, number: u64, position: u64 },
    /// The events at positions below `finished` are forgotten unless they wait or were given up, those below `all` in
    /// any case.
    Pruned { sid: String, finished: u64, all: u64 },
    Incident {
        sid: String,
        number: u64,
        incident: Incident,
    },
    /// The lines of the history from `from` to below `below` make room.
    IncidentsPruned { sid: String, from: u64, below: u64 },
    /// Everything about a recording is forgotten.
    Forgotten { sid: String },
}

impl Row {
    /// How many events it says are given up.
    pub fn given_up(&self) -> u64 {
        match self {
            Self::GivenUp { from, below, .. } => below.saturating_sub(*from),
            _ => 0,
        }
    }
}
