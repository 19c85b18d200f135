//! What a call takes of its app's limits.

use super::asked::Asked;
use super::code::{ApiError, BUSY, TOO_MANY_TASKS};
use super::plan::Plan;
use super::{deletion, init_call, list_call, task_call};
use crate::app::{Admit, Denial, Reservation, Room, Verdict};
use crate::dialect::step::{Admission, Step};
use crate::recording::Command;

/// Reads the call, and has it counted whatever it says.
pub(super) fn admit(asked: Asked) -> Step {
    let plan = Plan::read(&asked);
    let admit = Admit {
        method: asked.endpoint.method(),
        limits: asked.app.limits,
        room: room(&plan),
    };
    let app_id = asked.app.app_id.clone();
    let next = move |verdict: Option<&Verdict>| match verdict.and_then(|verdict| verdict.denial) {
        None => go_on(asked, plan),
        Some(Denial::TooManyRequests) => asked.fail(ApiError::new(BUSY, "too many calls in this second")),
        Some(Denial::NoRoom { recordings }) => {
            let detail = format!("{recordings} tasks run, which is all that this app_id may have at a time");
            asked.fail(ApiError::new(TOO_MANY_TASKS, detail))
        }
    };
    Step::Admit(Box::new(Admission::new(app_id, admit, next)))
}

fn go_on(asked: Asked, plan: Result<Plan, ApiError>) -> Step {
    match plan {
        Err(error) => asked.fail(error),
        Ok(Plan::Start(call)) => init_call::call(asked, *call),
        Ok(Plan::List(list)) => list_call::call(asked, *list),
        Ok(Plan::Delete(deletion)) => deletion::call(asked, deletion),
        Ok(Plan::OfTask(task)) => task_call::call(asked, task),
    }
}

fn room(plan: &Result<Plan, ApiError>) -> Room {
    let Ok(Plan::Start(call)) = plan else {
        return Room::None;
    };
    match &call.command {
        Command::Start(start) => Room::Taken(Box::new(Reservation {
            sid: start.sid.clone(),
            nonce: start.ticket.nonce.clone(),
            key: call.key.clone(),
            mode: start.spec.mode,
        })),
        _ => Room::None,
    }
}
