use protocol::{EndCause, Mode, RecordedFile, RecorderKey};
use serde::{Deserialize, Serialize};

use crate::recording::{Awaited, House, RecordingView, Standing, Status};

/// Later than any time, and small enough for JavaScript's numbers.
pub(super) const NEVER_MS: u64 = 1 << 52;

/// The place that a start takes among the app's recordings, and for which recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    pub sid: String,
    /// The nonce of the resource ID: a start that is repeated with it takes no second place.
    pub nonce: String,
    pub key: RecorderKey,
    pub mode: Mode,
}

/// A recorder's news of a recording that has started: sent at each change of its status, and otherwise every minute as long
/// as it is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    pub reservation: Reservation,
    /// A number that grows with each news of one recording; what is older than the newest is ignored.
    pub revision: u64,
    pub status: Status,
    #[serde(default)]
    pub standing: Standing,
    pub started_ms: u64,
    pub ended_ms: Option<u64>,
    pub cause: Option<EndCause>,
    /// The number of events that wait because the oldest of them could not be delivered.
    pub held_up: u64,
    /// Media that is still on a node though the recording is over.
    #[serde(default)]
    pub awaited: Vec<Awaited>,
    /// Of a recording that goes to the app's own store,
    #[serde(default)]
    pub house: Option<House>,
    /// with its files.
    #[serde(default)]
    pub files: Vec<RecordedFile>,
    /// Of one that is made of others.
    #[serde(default)]
    pub made: Option<Made>,
    /// They change what is known of a recording: one that is deleted stays so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub amends: bool,
    /// When the recording may be forgotten.
    pub expires_ms: u64,
}

impl News {
    /// What a recorder publishes of a recording. `nonce`: that of its ticket; the others are as the fields say.
    pub fn of(
        view: &RecordingView,
        revision: u64,
        nonce: String,
        held_up: u64,
        awaited: Vec<Awaited>,
        expires_ms: u64,
    ) -> Self {
        Self {
            reservation: Reservation {
                sid: view.sid.clone(),
                nonce,
                key: view.key.clone(),
                mode: view.mode,
            },
            revision,
            status: view.status,
            standing: view.standing,
            started_ms: view.started_ms,
            ended_ms: view.ended_ms,
            cause: view.cause,
            held_up,
            awaited,
            house: view.house.clone(),
            files: view.house.iter().flat_map(|_| view.files.clone()).collect(),
            made: None,
            amends: false,
            expires_ms,
        }
    }
}

impl News {
    /// Whether the recording that they change is deleted, or about to be. `known`: its row.
    pub fn is_late(&self, known: Option<&Row>) -> bool {
        let is_gone = known.is_none_or(|known| known.emptied || known.listed.erasure.is_some());
        self.amends && is_gone
    }
}

/// A recording in the index, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    pub key: RecorderKey,
    pub sid: String,
    pub mode: Mode,
    pub status: Status,
    /// As the recorder told with the status.
    #[serde(default)]
    pub standing: Standing,
    /// When its start was asked for. The index is in this order.
    pub created_ms: u64,
    pub started_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    pub cause: Option<EndCause>,
    /// When its recorder last told of it; the recorder itself may know of something newer.
    pub told_ms: Option<u64>,
    /// Media that is still on a node though the recording is over, one for each spool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<Awaited>,
    /// Of a recording that goes to the app's own store,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house: Option<House>,
    /// with its files, where they are asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RecordedFile>,
    /// Of one that is made of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// While it is being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
}

/// Of what a recording is made that is made of others, and how that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The objects' keys, in the order in which they are played.
    pub of: Vec<String>,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// Nodes that have tried it in vain.
    pub failures: u32,
    /// Why it has failed, or why the last node has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a deletion has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub since_ms: u64,
    /// Whether the index goes on listing it, without files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_record: bool,
    /// Rounds that failed, one after the other.
    pub failures: u32,
    /// Why the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is kept of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    #[serde(flatten)]
    pub listed: Listed,
    pub nonce: String,
    /// 0 as long as the place is only reserved.
    pub revision: u64,
    /// When it is believed to be gone, unless its recorder says otherwise.
    pub lease_ms: u64,
    /// When it is forgotten; of a recording in the app's own store, when it is deleted, or tried to be once more.
    pub expires_ms: u64,
    /// Whether its API lists it no longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Whether its files were deleted, whatever its recorder tells of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emptied: bool,
}

impl Row {
    /// It is not over, as far as is known.
    pub fn is_live(&self) -> bool {
        self.listed.status < Status::Ended
    }

    /// Until when a row of a recording in the app's own store stays, when it is as its recorder tells; then the recording is
    /// deleted.
    pub(super) fn kept_until_ms(&self) -> Option<u64> {
        let house = self.listed.house.as_ref()?;
        let until_ms = self
            .listed
            .ended_ms
            .zip(house.kept_ms)
            .map(|(ended_ms, kept_ms)| ended_ms.saturating_add(kept_ms));
        Some(until_ms.unwrap_or(NEVER_MS).min(NEVER_MS))
    }
}

/// What has to be written for a later [`Usage::restore`](super::Usage::restore).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub put: Option<Row>,
    /// Sids of rows to be deleted.
    pub delete: Vec<String>,
}

impl Change {
    pub(super) fn put(row: Row) -> Self {
        Self {
            put: Some(row),
            delete: Vec::new(),
        }
    }

    pub(super) fn delete(sid: String) -> Self {
        Self {
            put: None,
            delete: vec![sid],
        }
    }
}
