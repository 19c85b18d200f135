//! A task begins: an automatic one records at once, a manual one waits for its first layout.

use protocol::{Fault, RecorderKey, RecordingSpec, Refusal, RefusalCode};

use super::asked::Asked;
use super::code::{
    AUTOMATIC_EXISTS, ApiError, COMMAND_NOT_SENT, CONTEXT_EXISTS, FAILED, NO_CAPACITY, RESOURCE_REFUSED,
    UNREADABLE_REPLY,
};
use super::init::Init;
use super::label::Label;
use crate::access::App;
use crate::dialect::house::Place;
use crate::dialect::step::{Pending, Step};
use crate::input::Fields;
use crate::recording::{Call, Command, Outcome, Preference, Start, Ticket};

/// The `id` of the answer.
const ID: u64 = 8194;
/// For how long after its start a task can be changed: the index knows it for as long as its files are kept.
const EXPIRES_HOURS: u32 = 720;

/// The start that the call asks for.
pub(super) fn start(asked: &Asked) -> Result<Call, ApiError> {
    let init = Init::read(&Fields::new(&asked.fields))?;
    start_of(init, &asked.app, &asked.sid, asked.now_ms)
}

pub(super) fn start_of(init: Init, app: &App, sid: &str, now_ms: u64) -> Result<Call, ApiError> {
    let label = init.label(sid, now_ms);
    let Some(place) = Place::new(app, sid, label.write()) else {
        let detail = "the operator has to set house_storage for this app_id";
        return Err(ApiError::new(RESOURCE_REFUSED, detail));
    };
    let key = RecorderKey {
        app_id: app.app_id.clone(),
        channel: init.group_id.clone(),
        uid: init.recorder(sid),
    };
    let waits_ms = init.auto.is_none().then_some(init.timeout_ms);
    let max_idle_ms = init.timeout_ms;
    let start = Start {
        sid: sid.to_owned(),
        ticket: Ticket {
            nonce: sid.to_owned(),
            issued_ms: now_ms,
            expires_hours: EXPIRES_HOURS,
            preference: Preference::default(),
        },
        spec: RecordingSpec {
            backup: place.backup,
            ..init.specification(app.source.clone(), place.storage, &label.file_name)
        },
        max_idle_ms,
        token_expires_ms: None,
        house: Some(place.house),
        waits_ms,
    };
    Ok(Call {
        key,
        command: Command::Start(Box::new(start)),
    })
}

pub(super) fn call(asked: Asked, call: Call) -> Step {
    let label = match &call.command {
        Command::Start(start) => start.house.as_ref().and_then(|house| Label::read(&house.label)),
        _ => None,
    };
    let record_id = label.map(|label| label.record_id(&asked.sid));
    Step::Call(Box::new(Pending::new(call, move |outcome| {
        let reply = asked.reply().with("id", ID);
        let error = match outcome {
            Some(Outcome::Started { .. }) => {
                return Step::Respond(reply.with("record_id", record_id.clone()).success());
            }
            Some(Outcome::Conflict { .. }) => {
                ApiError::new(AUTOMATIC_EXISTS, "finish it first, or start one that is not automatic")
            }
            Some(Outcome::AlreadyStarted { .. } | Outcome::TicketSpent) => ApiError::new(CONTEXT_EXISTS, ""),
            Some(Outcome::Refused(refusal)) => refused(refusal),
            Some(_) => ApiError::new(UNREADABLE_REPLY, "try again"),
            None => ApiError::new(COMMAND_NOT_SENT, "look at the list of tasks before you try again"),
        };
        Step::Respond(reply.error(&error))
    })))
}

pub(super) fn refused(refusal: &Refusal) -> ApiError {
    let code = match (refusal.code, refusal.fault) {
        (RefusalCode::NoCapacity | RefusalCode::Draining, _) => NO_CAPACITY,
        (RefusalCode::StorageUnusable | RefusalCode::StorageUnavailable, _)
        | (_, Fault::Caller | Fault::Destination) => RESOURCE_REFUSED,
        (_, Fault::Ours) => FAILED,
    };
    ApiError::new(code, &refusal.reason)
}
