use protocol::{EndCause, Mode, RecordedFile};

use super::contract::{Effect, Recorded};
use super::state::{Join, Phase};
use crate::app::{Made, News, Reservation};
use crate::recording::{Standing, Status};

/// For how long a row without a store of its own would be kept. Here the store's own time counts.
const KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// What the index is told of how it stands.
struct Told {
    status: Status,
    standing: Standing,
    started_ms: u64,
    ended_ms: Option<u64>,
    cause: Option<EndCause>,
    mode: Mode,
    files: Vec<RecordedFile>,
}

impl Join {
    fn made(&self) -> Made {
        let node_id = match &self.phase {
            Phase::At { node_id, .. } => Some(node_id.clone()),
            Phase::Placing | Phase::Over { .. } => None,
        };
        Made {
            of: self.order.parts.iter().map(|part| part.key.clone()).collect(),
            node_id,
            failures: self.tries,
            error: self.trouble.clone(),
        }
    }

    /// What the app's index is to know.
    pub(super) fn news(&mut self, now_ms: u64) -> Effect {
        self.revision += 1;
        let told = match &self.order.recording {
            Some(recorded) => self.of_recording(recorded),
            None => self.of_its_own(),
        };
        Effect::Tell(Box::new(News {
            reservation: Reservation {
                sid: self.order.sid.clone(),
                nonce: self.order.nonce.clone(),
                key: self.order.key.clone(),
                mode: told.mode,
            },
            revision: self.revision,
            status: told.status,
            standing: told.standing,
            started_ms: told.started_ms,
            ended_ms: told.ended_ms,
            cause: told.cause,
            held_up: 0,
            awaited: Vec::new(),
            house: Some(self.order.house.clone()),
            files: told.files,
            made: Some(self.made()),
            amends: self.order.recording.is_some(),
            expires_ms: now_ms.saturating_add(KEPT_MS),
        }))
    }

    /// What is made is a recording itself.
    fn of_its_own(&self) -> Told {
        let (status, standing, ended_ms, files) = match &self.phase {
            // Of a file that was sent whole, nothing is captured any more.
            Phase::Placing if self.order.imports => (Status::Recording, Standing::Finishing, None, Vec::new()),
            Phase::At { .. } if self.order.imports => (Status::Recording, Standing::Uploading, None, Vec::new()),
            Phase::Placing | Phase::At { .. } => (Status::Recording, Standing::Capturing, None, Vec::new()),
            Phase::Over {
                result: Ok(file),
                ended_ms,
                ..
            } => (Status::Ended, Standing::Done, Some(*ended_ms), vec![file.clone()]),
            Phase::Over {
                result: Err(_),
                ended_ms,
                ..
            } => (Status::Failed, Standing::Failed, Some(*ended_ms), Vec::new()),
        };
        Told {
            status,
            standing,
            started_ms: self.begun_ms,
            ended_ms,
            cause: None,
            mode: Mode::Mix,
            files,
        }
    }

    /// It is over, and takes no place of the quota, whatever becomes of its files.
    fn of_recording(&self, recorded: &Recorded) -> Told {
        let (standing, files) = match &self.phase {
            Phase::Placing => (Standing::Finishing, recorded.files.clone()),
            Phase::At { .. } => (Standing::Uploading, recorded.files.clone()),
            Phase::Over { result: Ok(file), .. } => (Standing::Done, vec![file.clone()]),
            Phase::Over { result: Err(_), .. } => (Standing::Done, recorded.files.clone()),
        };
        Told {
            status: Status::Ended,
            standing,
            started_ms: recorded.started_ms,
            ended_ms: recorded.ended_ms,
            cause: recorded.cause,
            mode: recorded.mode,
            files,
        }
    }
}
