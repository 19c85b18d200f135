//! What a request takes of its app's limits, and how it is told that there is none left.

use super::body::Reply;
use super::error::{ApiError, VENDOR_OVER_LOAD};
use super::route::Endpoint;
use super::{Handled, Pending, gateway};
use crate::access::{App, Flavour};
use crate::app::{Admit, Denial, Reservation, Room, Verdict};
use crate::http::{Response, http_date};
use crate::recording::Command;

/// A request of an app by a caller who may use it. It counts, whatever is to become of it.
#[derive(Debug)]
pub struct Admission {
    pub app_id: String,
    /// For the `App` object.
    pub admit: Admit,
    flavour: Flavour,
    served: Served,
}

/// What the service makes of a request.
#[derive(Debug)]
pub(super) enum Served {
    Respond(Response),
    /// A resource ID, to be given out if the app has room for a recording.
    Offer(Box<Reply>),
    Call(Box<Pending>),
}

impl Admission {
    pub(super) fn new(app: &App, endpoint: Endpoint<'_>, served: Served) -> Self {
        Self {
            app_id: app.app_id.clone(),
            admit: Admit {
                method: endpoint.method(),
                limits: app.limits,
                room: served.room(),
            },
            flavour: app.flavour,
            served,
        }
    }

    /// What becomes of the request; `verdict` is `None` when the `App` object could not be asked: then it is let through,
    /// since a customer must be able to stop what runs, and nodes take no more than they can.
    pub fn decide(self, verdict: Option<&Verdict>) -> Handled {
        match verdict.and_then(|verdict| verdict.denial) {
            None => self.served.handled(),
            Some(Denial::TooManyRequests) => Handled::Respond(gateway::too_many_requests(self.flavour)),
            Some(Denial::NoRoom { recordings }) => {
                let quota = self.admit.limits.recordings;
                let detail = format!(
                    "{recordings} recordings run, and this App ID may have {quota} at a time: stop one or wait until one ends"
                );
                let reply = self.served.reply().unwrap_or_else(|| Reply::new(self.flavour));
                Handled::Respond(ApiError::new(VENDOR_OVER_LOAD, detail).answer(reply))
            }
        }
    }
}

impl Served {
    pub(super) fn call(pending: Pending) -> Self {
        Self::Call(Box::new(pending))
    }

    fn handled(self) -> Handled {
        match self {
            Self::Respond(response) => Handled::Respond(response),
            Self::Offer(reply) => Handled::Respond(reply.answer(200)),
            Self::Call(pending) => Handled::Call(pending),
        }
    }

    fn room(&self) -> Room {
        match self {
            Self::Respond(_) => Room::None,
            Self::Offer(_) => Room::Some,
            Self::Call(pending) => match &pending.call.command {
                Command::Start(start) => Room::Taken(Box::new(Reservation {
                    sid: start.sid.clone(),
                    nonce: start.ticket.nonce.clone(),
                    key: pending.call.key.clone(),
                    mode: start.spec.mode,
                })),
                _ => Room::None,
            },
        }
    }

    /// Whom and what an answer is about. A resource ID that is not given out is not named.
    fn reply(self) -> Option<Reply> {
        match self {
            Self::Respond(_) => None,
            Self::Offer(reply) => Some(Reply {
                resource_id: None,
                ..*reply
            }),
            Self::Call(pending) => Some(pending.reply),
        }
    }
}

/// Adds the fields in which a gateway tells a client of its limit: all windows are a second long. `Date` is the second in
/// which the request was counted.
pub fn with_limits(response: Response, verdict: &Verdict) -> Response {
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
