use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;

use super::error::AdminError;
use super::{Admin, Question};
use crate::access::{Store, is_id};
use crate::app::{Cursor, Filter};
use crate::input::FieldError;
use crate::recording::Status;

/// Longer than any dialect's channel names.
const MAX_CHANNEL_BYTES: usize = 256;

impl<S: Store> Admin<'_, S> {
    pub(super) async fn usage(&self, app_id: &str) -> Result<Question, AdminError> {
        let app = self.app(app_id).await?;
        Ok(Question::Usage {
            app_id: app.app_id,
            limits: app.limits,
        })
    }

    pub(super) fn recordings(&self, app_id: &str) -> Result<Question, AdminError> {
        if !is_id(app_id) {
            return Err(AdminError::not_found("app", app_id));
        }
        let (limit, cursor) = self.paging()?;
        let after = cursor
            .map(|text| Cursor::parse(&text).ok_or_else(|| error("cursor", "must be the cursor of the previous page")))
            .transpose()?;
        Ok(Question::Recordings {
            app_id: app_id.to_owned(),
            filter: Filter {
                limit,
                after,
                channel: self.channel()?,
                statuses: self.status()?.into_iter().collect(),
                awaited: self.awaited()?,
                ..Filter::default()
            },
        })
    }

    /// The channel that the query names, if it does.
    pub(super) fn channel(&self) -> Result<Option<String>, FieldError> {
        let channel = self
            .request
            .query_value("channel")
            .filter(|channel| !channel.is_empty());
        match channel
            .as_ref()
            .is_none_or(|channel| channel.len() <= MAX_CHANNEL_BYTES)
        {
            true => Ok(channel),
            false => Err(error("channel", "must have at most 256 bytes")),
        }
    }

    fn awaited(&self) -> Result<bool, FieldError> {
        match self.request.query_value("awaited").as_deref() {
            None | Some("" | "false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(error("awaited", "must be true or false")),
        }
    }

    fn status(&self) -> Result<Option<Status>, FieldError> {
        let Some(name) = self.request.query_value("status").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let status = Status::deserialize(name.as_str().into_deserializer());
        status.map(Some).map_err(|_: Error| {
            let problem = "must be placing, started, recording, stopping, ended or failed";
            error("status", problem)
        })
    }
}

/// App ID and sid of a path, if they can be any.
pub(super) fn ids(app_id: &str, sid: &str) -> Result<(String, String), AdminError> {
    if is_id(app_id) && is_id(sid) {
        Ok((app_id.to_owned(), sid.to_owned()))
    } else {
        Err(AdminError::not_found("recording", sid))
    }
}

fn error(field: &str, problem: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        problem: problem.to_owned(),
    }
}
