use serde::{Deserialize, Serialize};

use crate::ProblemCode;

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request asks for what cannot be.
    Caller,
    /// A bucket, a webhook's receiver, a source: something the customer named and we do not run.
    Destination,
    /// The service's own.
    Ours,
}

/// Something that went wrong while a recording runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub fault: Fault,
    pub code: ProblemCode,
    /// A sentence a person can act on; no secrets.
    pub message: String,
    pub at_ms: u64,
}

/// A node's answer to what it does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub fault: Fault,
    pub code: RefusalCode,
    /// A sentence a person can act on; no secrets.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// HTTP 400.
    BadJob,
    /// HTTP 401: the node token is wrong.
    Unauthorized,
    /// HTTP 404: no such recording here.
    UnknownRecording,
    /// HTTP 409: a recording of a higher epoch is here.
    StaleEpoch,
    /// HTTP 422: the store does not answer, the bucket is missing, or the keys do not open it.
    StorageUnusable,
    /// HTTP 503: no room for another recording.
    NoCapacity,
    /// HTTP 503: the node takes no new work.
    Draining,
    /// HTTP 500.
    Internal,
}
