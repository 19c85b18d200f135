//! Polyv's live API, as far as it speaks of recordings: the callback that is told of files, for an account and for a channel, and
//! the files themselves. Nothing starts a recording here: channels are recorded by themselves, into the app's own store. Knows the
//! vendor's paths, parameters, signatures, texts and times, and nothing of nodes, objects or stores.

mod answer;
mod automatic;
mod caller;
mod channel_setting;
mod format;
mod join;
mod join_notice;
mod join_request;
mod joins;
mod listed;
mod notification;
mod params;
mod record_callback;
mod records;
mod route;
mod sign;
mod times;

use super::notification::{EventType, Notification};
use super::step::{Admission, Step};
use super::vendor::{Joined, NoticeTerms, Server, StartTerms, Vendor};
use crate::access::{App, Automatic, Callback, Method, Store};
use crate::app::{Admit, Denial, Room, Verdict};
use crate::http::Request;
use crate::recording::{Call, Event, Notice, Subject};
use answer::Refusal;
use caller::Caller;
use join::Join;
use join_request::JoinRequest;
use params::Params;
use route::{Endpoint, Route};

/// The account's further callbacks: of the stream's state, and of files that can be played back.
const STREAM: &str = "stream";
const PLAYBACK: &str = "playback";

/// The one dialect of this vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Polyv;

impl Vendor for Polyv {
    const DIALECTS: &'static [(&'static str, Self)] = &[("polyv", Self)];
    const HAS_CHANNEL_CALLBACKS: bool = true;

    type Route<'a> = Route<'a>;

    fn route(request: &Request) -> Option<Route<'_>> {
        route::route(request)
    }

    fn method(route: &Route<'_>) -> Method {
        route.endpoint.method()
    }

    /// Who calls is found out first, then the call is read, then the app's limits are asked.
    async fn handle<S: Store>(route: Self::Route<'_>, request: &Request, server: &Server<'_, S>) -> Step {
        let params = match Params::read(request) {
            Ok(params) => params,
            Err(refusal) => return Step::Respond(refusal.response()),
        };
        let caller = match Caller::find(&params, route, server).await {
            Ok(caller) => caller,
            Err(Refusal::Unavailable(error)) => return Step::Failed(error, answer::unavailable()),
            Err(refusal) => return Step::Respond(refusal.response()),
        };
        let (app_id, limits) = (caller.app.app_id.clone(), caller.app.limits);
        let channel_id = route.channel_id;
        let asked = match route.endpoint {
            Endpoint::SetRecordCallback => record_callback::set(caller, &params, server.targets),
            Endpoint::GetChannelCallback | Endpoint::UpdateChannelCallback => {
                match channel_setting::read(&caller, &params, server).await {
                    Ok(known) => match route.endpoint {
                        Endpoint::GetChannelCallback => Ok(channel_setting::get(&caller, &known)),
                        _ => channel_setting::update(&caller, &params, known, server.targets),
                    },
                    Err(refusal) => Err(refusal),
                }
            }
            Endpoint::RecordFiles => records::list(caller, &params, channel_id, server),
            Endpoint::Record => records::one(caller, &params, server),
            Endpoint::DeleteRecord => records::delete(caller, &params, channel_id),
            Endpoint::SetFurtherCallback(name) => record_callback::set_further(caller, name, &params, server.targets),
            Endpoint::Join(join) => join_files(join, route, caller, &params, server).await,
        };
        let next = match asked {
            Ok(next) => next,
            Err(Refusal::Unavailable(error)) => return Step::Failed(error, answer::unavailable()),
            Err(refusal) => Step::Respond(refusal.response()),
        };
        let admit = Admit {
            method: route.endpoint.method(),
            limits,
            room: Room::None,
        };
        let decide = move |verdict: Option<&Verdict>| match verdict.and_then(|verdict| verdict.denial) {
            Some(Denial::TooManyRequests | Denial::NoRoom { .. }) => Step::Respond(Refusal::TooManyRequests.response()),
            None => next,
        };
        Step::Admit(Box::new(Admission::new(app_id, admit, decide)))
    }

    fn callback_name(self, event: &Event) -> Option<&'static str> {
        matches!(event, Event::RecorderStarted | Event::RecorderLeft { .. }).then_some(STREAM)
    }

    fn joined(self, joined: &Joined<'_>, terms: NoticeTerms<'_>) -> Option<Notification> {
        join_notice::notification(joined, terms)
    }

    fn automatic(self, automatic: &Automatic, channel: &str, app: &App, terms: StartTerms<'_>) -> Result<Call, String> {
        automatic::start(automatic, channel, app, terms)
    }

    fn event_type(self, event: &Event) -> EventType {
        match notification::format(event) {
            Some(format) => EventType::Number(format.number()),
            None => EventType::Name("untold"),
        }
    }

    fn wants(self, event: &Event, callback: &Callback) -> bool {
        let format = notification::format(event);
        let wanted = callback.events.as_ref();
        format.is_some_and(|format| wanted.is_none_or(|wanted| wanted.contains(&format.number())))
    }

    fn notification(self, subject: &Subject, notice: &Notice, terms: NoticeTerms<'_>) -> Notification {
        notification::notification(subject, notice, terms)
    }
}

async fn join_files<S: Store>(
    join: Join,
    route: Route<'_>,
    caller: Caller,
    params: &Params,
    server: &Server<'_, S>,
) -> Result<Step, Refusal> {
    let request = JoinRequest::read(join, route, params, server.targets)?;
    let known = channel_setting::read_of(&caller, request.channel.clone(), server).await?;
    joins::begin(caller, request, &known, server.entropy)
}

#[cfg(test)]
mod tests;
