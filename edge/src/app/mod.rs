//! What one app uses: its requests in the present second, its recordings at the moment, and the index of all that it has
//! started. Pure: a request and the time change the [`Usage`], and what has to be kept comes back as a [`Change`]. It may
//! not know Cloudflare, a dialect, how a recording works, or the app's settings, which come with each request.
//!
//! Requests are counted in fixed windows, the seconds of the object's clock, and in memory: in each second exactly the
//! allowed number of requests pass, if so many come. A process that dies takes the present second's count along, no more.
//!
//! A recording takes a place from its start, which reserves it in the same step that counts the request, until it captures
//! no more. Nobody has to give a place back for it to become free, so that none can leak:
//!
//! | what may happen | how the place becomes free |
//! |---|---|
//! | the start fails | the caller releases it; if that gets lost, the reservation lapses after a minute |
//! | the recording ends | its recorder tells so with the session document, and repeats it until it is taken |
//! | its recorder is gone | the lease lapses: recorders renew it every minute, and it lasts for three |
//! | this object dies | rows and leases are in its storage |

mod erasing;
mod listing;
mod row;
mod tally;
#[cfg(test)]
mod tests;
mod usage;
mod windows;

use serde::{Deserialize, Serialize};

use crate::access::{Limits, Method};

pub use erasing::{Doomed, Left, due, empty, erase, erased, hide};
pub use listing::{Cursor, Filter};
pub use row::{Change, Erasure, Listed, Made, News, Reservation, Row};
pub use usage::Usage;

/// What the `App` object can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Admit(Admit),
    /// A start came to nothing.
    Release {
        sid: String,
    },
    /// From a recorder.
    News(Box<News>),
    List(Filter),
    Find {
        sid: String,
    },
    Usage {
        limits: Limits,
    },
    /// Delete everything that a recording in the app's own store has left anywhere.
    Erase {
        sid: String,
    },
    /// Delete what it has left in stores, and go on listing it, without files.
    Empty {
        sid: String,
    },
    /// List it no longer, and leave what it has left where it is.
    Hide {
        sid: String,
    },
}

/// The answer to a [`Request`] of the same name; `Done` to what asks nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Verdict(Verdict),
    Done,
    /// The newest first.
    List {
        items: Vec<Listed>,
        next: Option<Cursor>,
        /// How many rows fit, where the filter wants them counted.
        total: Option<u64>,
    },
    /// With its files, if it is in the app's own store.
    Find(Option<Box<Listed>>),
    Usage(UsageView),
    Erase(Erasing),
    /// News: the recording that they change is deleted, or about to be.
    Gone,
}

/// What becomes of the wish to delete a recording, its files or its place in lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Erasing {
    /// It is being deleted, until nothing is left of it. It is listed no longer.
    Begun,
    /// It is not over, or still uploads.
    Runs,
    /// It is in a store of the caller's own, from which nothing is deleted here.
    NotOurs,
    NotFound,
}

/// A request of a customer that wants to pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Admit {
    pub method: Method,
    /// The app's settings, as the caller has read them.
    pub limits: Limits,
    pub room: Room,
}

/// What a request needs besides its turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// Nothing.
    None,
    /// Room for a recording, which is not taken yet.
    Some,
    /// A place for this recording.
    Taken(Box<Reservation>),
}

/// Whether a request is let through, and what is left of the app's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The object's clock when it counted the request.
    pub at_ms: u64,
    /// Requests of this method that the present second allows, and how many of them are left.
    pub limit: u32,
    pub remaining: u32,
    pub denial: Option<Denial>,
}

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    TooManyRequests,
    /// The app has as many recordings as it may have.
    NoRoom {
        recordings: u32,
    },
}

/// An app's use of its limits at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageView {
    pub limits: Limits,
    /// Recordings that count for the quota.
    pub recordings: u32,
    /// Those that have ended and still upload.
    pub uploading: u32,
}
