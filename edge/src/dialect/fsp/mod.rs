//! The recording API of FSP, the platform of a Chinese vendor, in two dialects that differ in the codes of their answers. A
//! developer signs in with a token of the vendor's kind and gets an access token; a task of a group is begun, laid out, suspended
//! and finished by its record_id; files are recorded into the app's own storage and handed out by links. Knows the vendor's
//! paths, fields, codes and texts, and nothing of nodes, objects or stores.

mod address;
mod admission;
mod asked;
mod code;
mod date;
mod deletion;
mod entry;
mod files;
mod flavour;
mod init;
mod init_call;
mod label;
mod layout;
mod list_call;
mod notification;
mod overlay;
mod params;
mod plan;
mod reply;
mod route;
mod task;
mod task_call;
mod tasks;
mod token;
pub(super) mod wire;

pub(super) use flavour::Flavour;

use serde_json::{Map, Value};

use super::notification::{EventType, Notification};
use super::step::Step;
use super::vendor::{NoticeTerms, Server, StartTerms, Vendor};
use crate::access::{App, Automatic, Callback, Method, Store, hex};
use crate::http::Request;
use crate::input::Fields;
use crate::recording::{Call, Event, Notice, Subject};
use init::Init;
use route::Route;

impl Vendor for Flavour {
    const DIALECTS: &'static [(&'static str, Self)] = &[("fsp", Self::Ten), ("fsp-9", Self::Nine)];

    type Route<'a> = Route;

    fn route(request: &Request) -> Option<Self::Route<'_>> {
        route::route(request)
    }

    fn method(route: &Self::Route<'_>) -> Method {
        route.method()
    }

    async fn handle<S: Store>(route: Self::Route<'_>, request: &Request, server: &Server<'_, S>) -> Step {
        match route {
            Route::Preflight => Step::Respond(reply::preflight()),
            Route::ServerAddress => Step::Respond(address::answer(request, server.public_url)),
            Route::AccessToken => entry::access_token(request, server).await,
            Route::Record(endpoint) => entry::enter(endpoint, request, server).await,
        }
    }

    /// The body is that of an automatic init, without `auto` for one of its defaults.
    fn automatic(self, automatic: &Automatic, channel: &str, app: &App, terms: StartTerms<'_>) -> Result<Call, String> {
        if automatic.mode != "mix" {
            return Err("mode must be \"mix\"".to_owned());
        }
        let mut body: Map<String, Value> =
            serde_json::from_str(automatic.body.expose()).map_err(|error| error.to_string())?;
        body.entry("auto").or_insert_with(|| Map::new().into());
        let init = Init::of_group(channel.to_owned(), &Fields::new(&body)).map_err(|error| error.to_string())?;
        init_call::start_of(init, app, &hex(&terms.entropy.id), terms.now_ms).map_err(|error| error.msg)
    }

    const HAS_LISTENERS: bool = true;

    fn told(self, subject: &Subject, event: &Event) -> Option<String> {
        notification::told(subject, event)
    }

    fn event_type(self, _: &Event) -> EventType {
        EventType::Number(wire::RECORD_STATUS)
    }

    /// The vendor has no callbacks: its customers listen, or ask for the list of tasks.
    fn wants(self, _: &Event, _: &Callback) -> bool {
        false
    }

    fn notification(self, subject: &Subject, _: &Notice, _: NoticeTerms<'_>) -> Notification {
        notification::notification(subject)
    }
}

#[cfg(test)]
mod tests;
