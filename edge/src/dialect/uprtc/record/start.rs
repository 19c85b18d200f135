//! Records begin and end.

use protocol::{RefusalCode, Selection};
use serde_json::json;

use super::{Wish, key, query, sid, target};
use crate::access::{App, Automatic};
use crate::dialect::house::Place;
use crate::dialect::step::{Pending, Step};
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::code::{ApiError, NO_RECORD_SERVER, RECORDING, REQUEST, SYSTEM};
use crate::dialect::uprtc::reply;
use crate::dialect::vendor::StartTerms;
use crate::input::Fields;
use crate::recording::{Call, Command, Outcome, Preference, Start, Status, Stop, Ticket};
use crate::room::{Problem, Random, Request, Server, View, ids};

/// For how long after its start a record can be asked about at its recorder; the index knows it for longer.
const EXPIRES_HOURS: u32 = 720;
/// A record of a room in which nobody publishes for so long ends.
const IDLE_MS: u64 = 600_000;
/// The recorder of the recordings that nobody has asked for.
const AUTOMATIC: &str = "automatic";
const MODE: &str = "mix";

/// The start of a record, as its recorder takes it; `None` when the app has no storage.
fn call(
    app: &App,
    room_id: &str,
    uid: &str,
    record_id: &str,
    wish: &Wish,
    who: Selection,
    now_ms: u64,
) -> Option<Call> {
    let sid = sid(&app.app_id, record_id);
    let label = json!({ "recordId": record_id }).to_string();
    let place = Place::new(app, &sid, label)?;
    let region = wish.server_alias.as_deref().and_then(|alias| alias.rsplit_once(':'));
    let spec = wish.specification(app.source.clone(), place.storage, record_id, who);
    let start = Start {
        ticket: Ticket {
            nonce: sid.clone(),
            issued_ms: now_ms,
            expires_hours: EXPIRES_HOURS,
            preference: Preference {
                region: region.map(|(_, region)| region.to_owned()),
                avoid: Vec::new(),
            },
        },
        sid,
        spec: protocol::RecordingSpec {
            backup: place.backup,
            ..spec
        },
        max_idle_ms: IDLE_MS,
        token_expires_ms: None,
        house: Some(place.house),
        waits_ms: None,
    };
    Some(Call {
        key: key(&app.app_id, room_id, uid),
        command: Command::Start(Box::new(start)),
    })
}

/// The recording that each channel of an app has while somebody publishes to it.
///
/// # Errors
/// What is wrong with the setting.
pub(in crate::dialect::uprtc) fn automatic(
    setting: &Automatic,
    channel: &str,
    app: &App,
    terms: StartTerms<'_>,
) -> Result<Call, String> {
    if setting.mode != MODE {
        return Err(format!("mode must be {MODE:?}"));
    }
    let body = serde_json::from_slice(setting.body.expose().as_bytes()).map_err(|error| error.to_string())?;
    let wish = Wish::read(&Fields::new(&body)).map_err(|error| format!("body.{error}"))?;
    let record_id = ids::letters(Random::new(terms.entropy.secret).number());
    let who = wish.selection(None);
    let call = call(app, channel, AUTOMATIC, &record_id, &wish, who, terms.now_ms);
    call.ok_or_else(|| "the app needs house_storage: its recordings go there".to_owned())
}

/// A room has one record at a time; one that is over makes room for the next.
pub(in crate::dialect::uprtc) fn start(asked: Asked, room_id: String, record_id: String, wish: Wish) -> Step {
    asked.look(&room_id, move |asked, view| {
        let server = view.spec.server.clone();
        let Some(alias) = wish.server_alias.clone() else {
            return replace(asked, view, record_id, wish, server);
        };
        asked.servers(move |asked, servers| {
            match servers
                .into_iter()
                .find(|known| known.server.alias == alias && known.takes)
            {
                Some(known) => replace(asked, view, record_id, wish, known.server),
                None => reply::failure(ApiError::new(
                    NO_RECORD_SERVER,
                    "serverAlias names no server that takes recordings",
                )),
            }
        })
    })
}

fn replace(asked: Asked, view: View, record_id: String, wish: Wish, server: Server) -> Step {
    let Some(before) = view.spec.record_id.clone() else {
        return begin(asked, &view, record_id, None, &wish, server);
    };
    let call = query(&asked.app.app_id, &view.room_id, &before);
    Step::Call(Box::new(Pending::new(call, move |outcome| match outcome {
        Some(Outcome::State(known)) if known.status < Status::Stopping => reply::failure(Problem::Recording),
        None => reply::failure(ApiError::unanswered()),
        Some(_) => begin(
            asked.clone(),
            &view,
            record_id.clone(),
            Some(before.clone()),
            &wish,
            server.clone(),
        ),
    })))
}

fn begin(asked: Asked, view: &View, record_id: String, over: Option<String>, wish: &Wish, server: Server) -> Step {
    let master = view.spec.is_live().then_some(view.spec.master_id.as_str());
    let who = wish.selection(master);
    let start = call(
        &asked.app,
        &view.room_id,
        &record_id,
        &record_id,
        wish,
        who,
        asked.now_ms,
    );
    let Some(start) = start else {
        return reply::failure(ApiError::new(
            NO_RECORD_SERVER,
            "the operator has to set house_storage for this app",
        ));
    };
    let room_id = view.room_id.clone();
    let request = Request::Record {
        record_id: record_id.clone(),
        over,
    };
    asked.room(&view.room_id, request, move |asked, _| {
        Step::Call(Box::new(Pending::new(start, move |outcome| {
            let error = match outcome {
                Some(Outcome::Started { .. } | Outcome::AlreadyStarted { .. }) => {
                    let mut fields = asked.place(&server, None);
                    fields.insert("recordId".to_owned(), json!(record_id));
                    return reply::success(fields.into());
                }
                Some(Outcome::Refused(refusal)) => match refusal.code {
                    RefusalCode::NoCapacity | RefusalCode::Draining => ApiError::new(NO_RECORD_SERVER, &refusal.reason),
                    _ => ApiError::new(SYSTEM, &refusal.reason),
                },
                Some(Outcome::Conflict { .. }) => ApiError::new(RECORDING, Problem::Recording.text()),
                _ => ApiError::unanswered(),
            };
            let record_id = record_id.clone();
            asked
                .clone()
                .room(&room_id, Request::Unrecord { record_id }, move |_, _| {
                    reply::failure(error)
                })
        })))
    })
}

pub(in crate::dialect::uprtc) fn stop(asked: Asked, room_id: &str) -> Step {
    asked.look(room_id, |asked, view| {
        let Some(record_id) = view.spec.record_id else {
            return reply::failure(ApiError::new(REQUEST, "the room is not being recorded"));
        };
        let call = stopping(&asked.app.app_id, &view.room_id, &record_id);
        Step::Call(Box::new(Pending::new(call, |outcome| match outcome {
            Some(Outcome::State(_) | Outcome::Stopping(_)) => reply::done(),
            Some(Outcome::AlreadyEnded(_) | Outcome::NotFound { .. }) => {
                reply::failure(ApiError::new(REQUEST, "the room is not being recorded any more"))
            }
            _ => reply::failure(ApiError::unanswered()),
        })))
    })
}

fn stopping(app_id: &str, room_id: &str, record_id: &str) -> Call {
    Call {
        key: key(app_id, room_id, record_id),
        command: Command::Stop(Stop {
            target: target(sid(app_id, record_id)),
            at_once: true,
        }),
    }
}

/// A room ends, and its record with it.
pub(in crate::dialect::uprtc) fn end_room(asked: Asked, room_id: &str) -> Step {
    asked.look(room_id, |asked, view| {
        let room_id = view.room_id;
        let record_id = view.spec.record_id;
        let stop = record_id.map(|record_id| stopping(&asked.app.app_id, &room_id, &record_id));
        asked.room(&room_id, Request::End, |_, _| match stop {
            // One that could not be told ends by itself, since nobody publishes any longer.
            Some(stop) => Step::Call(Box::new(Pending::new(stop, |_| reply::done()))),
            None => reply::done(),
        })
    })
}
