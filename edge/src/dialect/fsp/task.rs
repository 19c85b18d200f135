//! A task that is looked up by its name in the index, and asked about at its recorder.

use super::asked::Asked;
use super::code::{ApiError, Code, FAILED, MEDIA_TIMEOUT, NO_CONTEXT, PAUSED, UNREADABLE_REPLY};
use super::label::Label;
use super::{init_call, tasks};
use crate::app::{self, Filter, Listed};
use crate::dialect::step::{LookUp, Pending, Step};
use crate::recording::{Call, Command, Outcome, RecordingView, Status, Target, Unfit, UpdateLayout};

/// A task that is there.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) asked: Asked,
    pub(super) listed: Listed,
    pub(super) label: Label,
}

/// Looks a task up by its name.
pub(super) fn find(
    asked: Asked,
    record_id: String,
    sid: String,
    next: impl FnOnce(Result<Task, Asked>) -> Step + 'static,
) -> Step {
    let filter = Filter {
        limit: 1,
        sid: Some(sid),
        house: true,
        ..Filter::default()
    };
    let app_id = asked.app.app_id.clone();
    let look_up = LookUp::new(app_id, app::Request::List(filter), move |reply| {
        let Some(app::Reply::List { items, .. }) = reply else {
            return asked.fail(ApiError::new(FAILED, "try again"));
        };
        let found = items.into_iter().next().and_then(|listed| {
            let label = tasks::label_of(&listed)?;
            (label.record_id(&listed.sid) == record_id).then_some((listed, label))
        });
        next(match found {
            Some((listed, label)) => Ok(Task { asked, listed, label }),
            None => Err(asked),
        })
    });
    Step::Index(Box::new(look_up))
}

impl Task {
    pub(super) fn target(&self) -> Target {
        Target {
            sid: self.listed.sid.clone(),
            nonce: Some(self.listed.sid.clone()),
        }
    }

    pub(super) fn ask(self, command: Command, next: impl Fn(&Self, Option<&Outcome>) -> Step + 'static) -> Step {
        let call = Call {
            key: self.listed.key.clone(),
            command,
        };
        Step::Call(Box::new(Pending::new(call, move |outcome| next(&self, outcome))))
    }

    /// Asks how it stands.
    fn view(self, next: impl Fn(&Self, &RecordingView) -> Step + 'static) -> Step {
        let query = Command::Query(self.target());
        self.ask(query, move |task, outcome| match outcome {
            Some(Outcome::State(view)) => next(task, view),
            other => task.fail(other),
        })
    }

    /// Asks how it stands, if the index may not know that any more.
    pub(super) fn refreshed(self, next: impl Fn(&Self) -> Step + 'static) -> Step {
        if !tasks::is_live(&self.listed) {
            return next(&self);
        }
        let query = Command::Query(self.target());
        self.ask(query, move |task, outcome| {
            let mut task = task.clone();
            if let Some(Outcome::State(view)) = outcome {
                tasks::refresh(&mut task.listed, view);
            }
            next(&task)
        })
    }

    pub(super) fn update(self, update: UpdateLayout) -> Step {
        self.ask(Command::UpdateLayout(Box::new(update)), |task, outcome| match outcome {
            Some(Outcome::Updated) => Step::Respond(task.asked.reply().success()),
            other => task.fail(other),
        })
    }

    /// Pauses or resumes it, if it stands so that it can be.
    pub(super) fn when_standing(
        self,
        refusal: Code,
        is_fit: fn(&RecordingView) -> bool,
        command: fn(Target) -> Command,
    ) -> Step {
        self.view(move |task, view| {
            if view.status >= Status::Stopping {
                return task.over();
            }
            if !is_fit(view) {
                let detail = format!("the task's status is {}", tasks::status(view.standing));
                return task.asked.fail(ApiError::new(refusal, detail));
            }
            let command = command(task.target());
            task.clone().ask(command, |task, outcome| match outcome {
                Some(Outcome::State(_)) => Step::Respond(task.asked.reply().success()),
                other => task.fail(other),
            })
        })
    }

    fn over(&self) -> Step {
        self.asked.fail(ApiError::new(NO_CONTEXT, "the task has ended"))
    }

    /// What no call of a task is answered with.
    pub(super) fn fail(&self, outcome: Option<&Outcome>) -> Step {
        match outcome {
            None => self.asked.fail(ApiError::new(
                MEDIA_TIMEOUT,
                "it may have been done; look at the list of tasks",
            )),
            Some(Outcome::AlreadyEnded(_)) => self.over(),
            Some(Outcome::NotFound { reason }) => self.asked.fail(ApiError::new(NO_CONTEXT, reason)),
            Some(Outcome::Unfit(Unfit::Paused)) => self.asked.fail(ApiError::new(PAUSED, "resume it first")),
            Some(Outcome::Refused(refusal)) => self.asked.fail(init_call::refused(refusal)),
            Some(_) => self.asked.fail(ApiError::new(UNREADABLE_REPLY, "try again")),
        }
    }
}
