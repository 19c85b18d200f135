//! UPRTC's rooms: conversations and live rooms, their members, connected and mirrored rooms, and recordings, under `/uprtc/api/v2`.
//! A call shows an AppSecret and is answered with a code, whatever becomes of it. Knows the vendor's paths, fields, codes and
//! texts, and nothing of nodes, objects or stores.

mod asked;
mod caller;
mod code;
mod creation;
mod params;
mod plan;
mod record;
mod reply;
mod rooms;
mod route;
mod servers;

use serde_json::json;

use super::notification::{EventType, Notification};
use super::step::{Admission, Step};
use super::vendor::{NoticeTerms, Server, StartTerms, Vendor};
use crate::access::{App, Automatic, Callback, Method, Store};
use crate::app::{Admit, Denial, Listed, Verdict};
use crate::http::Request;
use crate::joining::Order;
use crate::recording::{Call, Event, Notice, Subject};
use crate::room::Random;
use asked::Asked;
use caller::Refusal;
use code::{ApiError, REQUEST, SYSTEM};
use plan::Plan;
use route::Route;

/// The one dialect of this vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uprtc;

impl Vendor for Uprtc {
    const DIALECTS: &'static [(&'static str, Self)] = &[("uprtc", Self)];

    const HAS_ROOMS: bool = true;

    type Route<'a> = Route;

    fn route(request: &Request) -> Option<Self::Route<'_>> {
        route::route(request)
    }

    fn method(route: &Self::Route<'_>) -> Method {
        route.method()
    }

    fn takes_file(route: &Self::Route<'_>) -> bool {
        matches!(route, Route::Record(route::OfRecord::Upload))
    }

    /// Who calls is found out first, then the call is read, then the app's limits are asked.
    async fn handle<S: Store>(route: Self::Route<'_>, request: &Request, server: &Server<'_, S>) -> Step {
        let app = match caller::find(request, server).await {
            Ok(app) => app,
            Err(Refusal::Refused(error)) => return reply::failure(error),
            Err(Refusal::Unavailable(error)) => {
                return match reply::failure(ApiError::unanswered()) {
                    Step::Respond(response) => Step::Failed(error, response),
                    step => step,
                };
            }
        };
        let asked = Asked {
            public_url: server.public_url.unwrap_or(&request.origin).to_owned(),
            now_ms: server.now_ms,
            random: Random::new(server.entropy.secret),
            app,
        };
        let method = route.method();
        let (asked, plan) = Plan::read(asked, route, request);
        let admit = Admit {
            method,
            limits: asked.app.limits,
            room: plan.as_ref().map_or(crate::app::Room::None, |plan| plan.room(&asked)),
        };
        let app_id = asked.app.app_id.clone();
        let next = move |verdict: Option<&Verdict>| match verdict.and_then(|verdict| verdict.denial) {
            None => plan.map_or_else(reply::failure, |plan| plan.carry_out(asked)),
            Some(Denial::TooManyRequests) => reply::failure(ApiError::new(REQUEST, "too many calls in this second")),
            Some(Denial::NoRoom { recordings }) => {
                let msg = format!("{recordings} recordings run, which is all that the app may have at a time");
                reply::failure(ApiError::new(code::NO_RECORD_SERVER, msg))
            }
        };
        Step::Admit(Box::new(Admission::new(app_id, admit, next)))
    }

    fn automatic(self, automatic: &Automatic, channel: &str, app: &App, terms: StartTerms<'_>) -> Result<Call, String> {
        record::automatic(automatic, channel, app, terms)
    }

    fn event_type(self, _: &Event) -> EventType {
        EventType::Name("untold")
    }

    /// The vendor has no callbacks: its customers ask how recordings stand.
    fn wants(self, _: &Event, _: &Callback) -> bool {
        false
    }

    /// A record is one file, whatever became of the nodes that have recorded it.
    fn whole(self, listed: &Listed) -> Option<Order> {
        record::whole(listed)
    }

    /// What a callback would be told, if the vendor had any.
    fn notification(self, subject: &Subject, _: &Notice, _: NoticeTerms<'_>) -> Notification {
        let body = json!({ "code": SYSTEM, "data": { "roomId": subject.key.channel }, "msg": "" });
        Notification::json(&body)
    }
}

#[cfg(test)]
mod tests;
