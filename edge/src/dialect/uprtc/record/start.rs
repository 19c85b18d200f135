//! Records begin and end.

use protocol::{RefusalCode, Selection};
use serde_json::json;

use super::{Wish, key, query, sid, target};
use crate::access::{App, Automatic};
use crate::app;
use crate::dialect::house::Place;
use crate::dialect::step::{LookUp, Pending, Step};
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::code::{ApiError, NO_RECORD_SERVER, REQUEST, SYSTEM};
use crate::dialect::uprtc::reply;
use crate::dialect::vendor::StartTerms;
use crate::input::Fields;
use crate::recording::{Call, Command, Outcome, Preference, Start, Status, Stop, Ticket};
use crate::room::{Problem, Random, Reply, Request, Server, View, ids};

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

/// A start before it is one.
#[derive(Clone)]
struct Beginning {
    asked: Asked,
    record_id: String,
    wish: Wish,
}

impl Beginning {
    /// The start comes to nothing, and so the place is free that it had among the app's recordings.
    fn fail(self, error: impl Into<ApiError>) -> Step {
        let error = error.into();
        let app_id = self.asked.app.app_id;
        let sid = sid(&app_id, &self.record_id);
        let request = app::Request::Release { sid };
        Step::Index(Box::new(LookUp::new(app_id, request, |_| reply::failure(error))))
    }

    /// A room has one record at a time; one that is over makes room for the next.
    fn replace(self, view: View, server: Server) -> Step {
        let Some(before) = view.spec.record_id.clone() else {
            return self.begin(&view, None, server);
        };
        let call = query(key(&self.asked.app.app_id, &view.room_id, &before), &before);
        Step::Call(Box::new(Pending::new(call, move |outcome| {
            let beginning = self.clone();
            match outcome {
                Some(Outcome::State(known)) if known.status < Status::Stopping => beginning.fail(Problem::Recording),
                None => beginning.fail(ApiError::unanswered()),
                Some(_) => beginning.begin(&view, Some(before.clone()), server.clone()),
            }
        })))
    }

    fn begin(self, view: &View, over: Option<String>, server: Server) -> Step {
        let master = view.spec.is_live().then_some(view.spec.master_id.as_str());
        let who = self.wish.selection(master);
        let (app, record_id) = (&self.asked.app, self.record_id.clone());
        let start = call(
            app,
            &view.room_id,
            &record_id,
            &record_id,
            &self.wish,
            who,
            self.asked.now_ms,
        );
        let Some(start) = start else {
            let msg = "the operator has to set house_storage for this app";
            return self.fail(ApiError::new(NO_RECORD_SERVER, msg));
        };
        let request = Request::Record { record_id, over };
        let room_id = view.room_id.clone();
        let asked = self.asked.clone();
        asked.try_room(&view.room_id, request, move |_, answer| match answer {
            Ok(_) => self.start(start, room_id, server),
            Err(error) => self.fail(error),
        })
    }

    /// What became of a start the recorder and the shell see to; the room forgets one that came to nothing.
    fn start(self, start: Call, room_id: String, server: Server) -> Step {
        Step::Call(Box::new(Pending::new(start, move |outcome| {
            let record_id = self.record_id.clone();
            let error = match outcome {
                Some(Outcome::Started { .. } | Outcome::AlreadyStarted { .. }) => {
                    let mut fields = self.asked.place(&server, None);
                    fields.insert("recordId".to_owned(), json!(record_id));
                    return reply::success(fields.into());
                }
                Some(Outcome::Refused(refusal)) => match refusal.code {
                    RefusalCode::NoCapacity | RefusalCode::Draining => ApiError::new(NO_RECORD_SERVER, &refusal.reason),
                    _ => ApiError::new(SYSTEM, &refusal.reason),
                },
                Some(Outcome::Conflict { .. }) => Problem::Recording.into(),
                _ => ApiError::unanswered(),
            };
            let request = Request::Unrecord { record_id };
            let asked = self.asked.clone();
            asked.try_room(&room_id, request, move |_, _| reply::failure(error))
        })))
    }
}

pub(in crate::dialect::uprtc) fn start(asked: Asked, room_id: &str, record_id: String, wish: Wish) -> Step {
    asked.try_room(room_id, Request::Look, |asked, answer| {
        let alias = wish.server_alias.clone();
        let beginning = Beginning {
            asked: asked.clone(),
            record_id,
            wish,
        };
        let view = match answer {
            Ok(Reply::View(view)) => *view,
            Ok(_) => return beginning.fail(ApiError::unanswered()),
            Err(error) => return beginning.fail(error),
        };
        let Some(alias) = alias else {
            let server = view.spec.server.clone();
            return beginning.replace(view, server);
        };
        asked.servers(move |_, servers| {
            let mut known = servers
                .into_iter()
                .filter(|known| known.server.alias == alias && known.takes);
            match known.next() {
                Some(known) => beginning.replace(view, known.server),
                None => {
                    let msg = "serverAlias names no server that takes recordings";
                    beginning.fail(ApiError::new(NO_RECORD_SERVER, msg))
                }
            }
        })
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
