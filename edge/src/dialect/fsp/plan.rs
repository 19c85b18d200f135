//! What a call asks for, read and checked, before anything is asked about it.

use super::asked::Asked;
use super::code::{ApiError, NO_CONTEXT};
use super::deletion::Deletion;
use super::layout::SetLayout;
use super::overlay::SetOverlay;
use super::params::{number, text};
use super::route::Endpoint;
use super::tasks::List;
use super::{init_call, label};
use crate::input::Fields;
use crate::recording::Call;

const MAX_PAGE: u64 = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// The start of a task.
    Start(Box<Call>),
    List(Box<List>),
    Delete(Deletion),
    OfTask(OfTask),
}

/// What is asked about one task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OfTask {
    pub(super) record_id: String,
    pub(super) sid: String,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    SetLayout(SetLayout),
    SetOverlay(SetOverlay),
    Suspend,
    Resume,
    Finish,
    Info,
    DownloadUrl { page: u64 },
}

impl Plan {
    pub(super) fn read(asked: &Asked) -> Result<Self, ApiError> {
        let fields = &Fields::new(&asked.fields);
        let action = match asked.endpoint {
            Endpoint::Init => return Ok(Self::Start(Box::new(init_call::start(asked)?))),
            Endpoint::TaskList => return Ok(Self::List(Box::new(List::read(fields)?))),
            Endpoint::DeleteFiles => return Ok(Self::Delete(Deletion::read(fields)?)),
            Endpoint::SetLayout => Action::SetLayout(SetLayout::read(fields)?),
            Endpoint::SetOverlay => Action::SetOverlay(SetOverlay::read(fields)?),
            Endpoint::Suspend => Action::Suspend,
            Endpoint::Resume => Action::Resume,
            Endpoint::Finish => Action::Finish,
            Endpoint::Info => Action::Info,
            Endpoint::DownloadUrl => Action::DownloadUrl {
                page: number(fields, "page", 1..=MAX_PAGE)?.unwrap_or(1),
            },
        };
        let record_id = fields.require("record_id", text(fields, "record_id")?)?;
        let Some(sid) = label::sid(&record_id) else {
            return Err(ApiError::new(NO_CONTEXT, "no task has this record_id"));
        };
        Ok(Self::OfTask(OfTask {
            sid: sid.to_owned(),
            record_id,
            action,
        }))
    }
}
