//! `/v1/record/file`: the files of tasks are deleted, or their records, or both.

use super::asked::Asked;
use super::code::{ApiError, FAILED, PARAMETER};
use super::label;
use super::params::one_of;
use super::task::{Task, find};
use crate::app::{Erasing, Reply, Request};
use crate::dialect::step::{LookUp, Step};
use crate::input::{FieldError, Fields};

const MAX_TASKS: usize = 100;
const BOTH: u64 = 1;
const FILES: u64 = 2;
const RECORD: u64 = 3;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deletion {
    mode: u64,
    /// The tasks, by record_id and sid; the last first.
    tasks: Vec<(String, String)>,
}

impl Deletion {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let mode = one_of(fields, "mode", &[BOTH, FILES, RECORD])?.unwrap_or(FILES);
        let list = fields.require("record_list", fields.strings("record_list", MAX_TASKS)?)?;
        let mut tasks: Vec<_> = list
            .into_iter()
            // What is no name of a task is no task's.
            .filter_map(|record_id| Some((record_id.to_owned(), label::sid(record_id)?.to_owned())))
            .collect();
        tasks.reverse();
        Ok(Self { mode, tasks })
    }

    fn request(&self, sid: String) -> Request {
        match self.mode {
            BOTH => Request::Erase { sid },
            RECORD => Request::Hide { sid },
            _ => Request::Empty { sid },
        }
    }
}

/// Deletes one task after the other. One that is not there is as good as deleted.
pub(super) fn call(asked: Asked, mut deletion: Deletion) -> Step {
    let Some((record_id, sid)) = deletion.tasks.pop() else {
        return Step::Respond(asked.reply().success_as("ok"));
    };
    find(asked, record_id.clone(), sid, move |task| match task {
        Ok(Task { asked, listed, .. }) => {
            let (app_id, request) = (asked.app.app_id.clone(), deletion.request(listed.sid));
            Step::Index(Box::new(LookUp::new(app_id, request, move |reply| match reply {
                Some(Reply::Erase(Erasing::Begun | Erasing::NotFound | Erasing::NotOurs)) => call(asked, deletion),
                Some(Reply::Erase(Erasing::Runs)) => {
                    let detail = format!("record_list has {record_id}, which has not ended yet: finish it first");
                    asked.fail(ApiError::new(PARAMETER, detail))
                }
                _ => asked.fail(ApiError::new(FAILED, "try again")),
            })))
        }
        Err(asked) => call(asked, deletion),
    })
}
