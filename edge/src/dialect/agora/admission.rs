//! What a request takes of its app's limits, and how it is told that there is none left.

use super::error::{ApiError, VENDOR_OVER_LOAD};
use super::flavour::Flavour;
use super::reply::Reply;
use super::route::Endpoint;
use super::{gateway, render};
use crate::access::App;
use crate::app::{Admit, Denial, Reservation, Room, Verdict};
use crate::dialect::step::{Admission, Pending, Step};
use crate::http::{Response, http_date};
use crate::recording::{Call, Command};

/// What the service makes of a request.
#[derive(Debug)]
pub(super) enum Served {
    Respond(Response),
    /// A resource ID, to be given out if the app has room for a recording.
    Offer(Box<Reply>),
    Call(Box<Waiting>),
}

/// A valid request that waits for its recorder.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: Call,
    /// The answer as far as it is known: the recorder and the recording that it is about.
    pub(super) reply: Reply,
}

/// What a request is to come to, if the app's limits let it through.
#[derive(Debug)]
pub(super) struct Limited {
    pub(super) flavour: Flavour,
    pub(super) served: Served,
}

impl Limited {
    pub(super) fn admission(self, app: &App, endpoint: Endpoint<'_>) -> Step {
        let admit = Admit {
            method: endpoint.method(),
            limits: app.limits,
            room: self.served.room(),
        };
        let quota = app.limits.recordings;
        let next = move |verdict: Option<&Verdict>| self.decide(quota, verdict);
        Step::Admit(Box::new(Admission::new(app.app_id.clone(), admit, next)))
    }

    fn decide(self, quota: u32, verdict: Option<&Verdict>) -> Step {
        let verdict = verdict.cloned();
        let response = match verdict.as_ref().and_then(|verdict| verdict.denial) {
            None => match self.served {
                Served::Respond(response) => response,
                Served::Offer(reply) => reply.answer(200),
                Served::Call(waiting) => return waiting.call(verdict),
            },
            Some(Denial::TooManyRequests) => gateway::too_many_requests(self.flavour),
            Some(Denial::NoRoom { recordings }) => {
                let detail = format!(
                    "{recordings} recordings are running, and this App ID may have {quota} at a time: stop one or wait until one ends"
                );
                let reply = self.served.reply().unwrap_or_else(|| Reply::new(self.flavour));
                ApiError::new(VENDOR_OVER_LOAD, detail).answer(reply)
            }
        };
        Step::Respond(with_limits(response, verdict.as_ref()))
    }
}

impl Waiting {
    fn call(self, verdict: Option<Verdict>) -> Step {
        let Self { call, reply } = self;
        let command = call.command.clone();
        Step::Call(Box::new(Pending::new(call, move |outcome| {
            let response = match outcome {
                Some(outcome) => render::render(&command, reply.clone(), outcome),
                None => render::not_completed(reply.clone()),
            };
            Step::Respond(with_limits(response, verdict.as_ref()))
        })))
    }
}

impl Served {
    fn room(&self) -> Room {
        match self {
            Self::Respond(_) => Room::None,
            Self::Offer(_) => Room::Some,
            Self::Call(waiting) => match &waiting.call.command {
                Command::Start(start) => Room::Taken(Box::new(Reservation {
                    sid: start.sid.clone(),
                    nonce: start.ticket.nonce.clone(),
                    key: waiting.call.key.clone(),
                    mode: start.spec.mode,
                })),
                _ => Room::None,
            },
        }
    }

    /// The answer as far as it is known. A resource ID that is not given out is not named.
    fn reply(self) -> Option<Reply> {
        match self {
            Self::Respond(_) => None,
            Self::Offer(reply) => Some(Reply {
                resource_id: None,
                ..*reply
            }),
            Self::Call(waiting) => Some(waiting.reply),
        }
    }
}

/// Adds the fields in which a gateway tells a client of its limit: all windows are a second long. `Date` is the second in
/// which the request was counted. Without a verdict nobody has counted it.
pub(super) fn with_limits(response: Response, verdict: Option<&Verdict>) -> Response {
    let Some(verdict) = verdict else { return response };
    let response = response
        .with_header("Date", &http_date(verdict.at_ms))
        .with_header("RateLimit-Limit", &verdict.limit.to_string())
        .with_header("RateLimit-Remaining", &verdict.remaining.to_string())
        .with_header("RateLimit-Reset", "1");
    match verdict.denial {
        Some(Denial::TooManyRequests) => response.with_header("Retry-After", "1"),
        _ => response,
    }
}
