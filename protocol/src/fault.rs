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
    /// The service's own, and so is one that only a newer version can tell.
    #[serde(other)]
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

/// Why a node refuses, and the HTTP status that this has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// HTTP 400.
    BadJob,
    /// HTTP 401: the node token is wrong.
    Unauthorized,
    /// HTTP 404: no such recording here, or none that can be gone on with.
    UnknownRecording,
    /// HTTP 503: the recording's spool is here, and waits for its job.
    AwaitsJob,
    /// HTTP 409: a recording of a higher epoch is here.
    StaleEpoch,
    /// HTTP 422: the store does not answer, the bucket is missing, or the keys do not open it.
    StorageUnusable,
    /// HTTP 503: the store asks to come later, or is too slow: nobody knows whether it can be used.
    StorageUnavailable,
    /// HTTP 503: no room for another recording.
    NoCapacity,
    /// HTTP 503: the node takes no new work.
    Draining,
    /// HTTP 500.
    Internal,
    /// A word that this version does not know, from a newer edge or node. Whose fault it is, and the reason, say enough to act
    /// on. HTTP 500.
    #[serde(other)]
    Unknown,
}

impl Refusal {
    /// A refusal by a fault of ours that has no code of its own.
    pub fn internal(reason: impl Into<String>) -> Self {
        Self {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason: reason.into(),
        }
    }
}

impl RefusalCode {
    /// The status of an answer over HTTP that refuses by this code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::BadJob => 400,
            Self::Unauthorized => 401,
            Self::UnknownRecording => 404,
            Self::StaleEpoch => 409,
            Self::StorageUnusable => 422,
            Self::StorageUnavailable | Self::AwaitsJob | Self::NoCapacity | Self::Draining => 503,
            Self::Internal | Self::Unknown => 500,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_problem_of_a_newer_version_is_read() {
        let newer = json!({"fault": "moon", "code": "moon_in_the_way", "message": "m", "at_ms": 7});
        let problem: Problem = from_value(newer).unwrap();
        assert_eq!((problem.fault, problem.code.as_str()), (Fault::Ours, "moon_in_the_way"));
    }

    #[test]
    fn a_refusal_with_a_code_of_a_newer_version_keeps_its_fault_and_reason() {
        let newer = json!({"fault": "destination", "code": "moon_in_the_way", "reason": "the moon is in the way"});
        let refusal: Refusal = from_value(newer).unwrap();
        assert_eq!(refusal.code, RefusalCode::Unknown);
        assert_eq!(
            (refusal.fault, &*refusal.reason),
            (Fault::Destination, "the moon is in the way")
        );
        // It is read again by whoever it is handed on to.
        let handed_on = serde_json::to_string(&refusal).unwrap();
        assert_eq!(serde_json::from_str::<Refusal>(&handed_on).unwrap(), refusal);
    }
}
