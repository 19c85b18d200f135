//! The Agora Cloud Recording API, version 1, in Agora's own flavour and in anyRTC's, which are two dialects. Knows the vendors'
//! paths, fields, codes and texts, and nothing of nodes, objects or stores: a request becomes a response, or a call that the
//! shell carries out and whose outcome comes back here to be rendered.

mod acquire;
mod admission;
mod automatic;
mod body;
mod error;
mod extension_config;
mod extension_state;
mod file_config;
mod file_style;
mod flavour;
mod gateway;
mod layout;
mod mode;
mod names;
mod notification;
mod recording_config;
mod render;
mod reply;
mod route;
mod server_response;
mod service;
mod snapshot_config;
mod specification;
mod start;
mod start_parameter;
mod stop;
mod storage_config;
mod subscription;
mod transcoding;
mod update;
mod uploads;

pub(super) use flavour::Flavour;

use admission::Limited;
use route::Route;
use service::Service;

use super::notification::{EventType, Notification};
use super::step::Step;
use super::vendor::{NoticeTerms, Server, StartTerms, Vendor};
use crate::access::{AccessError, App, Automatic, Callback, Method, Store, authenticate};
use crate::http::Request;
use crate::recording::{Call, Event, Notice, Subject};

impl Vendor for Flavour {
    const DIALECTS: &'static [(&'static str, Self)] = &[("agora", Self::Agora), ("anyrtc", Self::Anyrtc)];

    type Route<'a> = Route<'a>;

    fn route(request: &Request) -> Option<Route<'_>> {
        route::route(request)
    }

    fn method(route: &Route<'_>) -> Method {
        route.endpoint.method()
    }

    /// In the order of a gateway: credentials, app, limits, then the service's own checks. These last are made before the limits
    /// are asked, so that one question does for all of them.
    async fn handle<S: Store>(route: Self::Route<'_>, request: &Request, server: &Server<'_, S>) -> Step {
        let directory = server.directory;
        let credential = match authenticate(request.headers.get("authorization"), directory).await {
            Ok(credential) => credential,
            Err(AccessError::Missing) => return Step::Respond(gateway::unauthorized()),
            Err(AccessError::Invalid) => return Step::Respond(gateway::invalid_credentials()),
            Err(AccessError::Unavailable(error)) => return Step::Failed(error, gateway::unexpected_error()),
        };
        let app = match directory.app(route.app_id).await {
            Ok(Some(app)) => app,
            Ok(None) => return Step::Respond(gateway::invalid_app()),
            Err(error) => return Step::Failed(error, gateway::unexpected_error()),
        };
        if app.tenant != credential.tenant {
            return Step::Respond(gateway::invalid_credentials());
        }
        let Some(flavour) = Self::named(&app.dialect) else {
            return Step::Respond(gateway::invalid_app());
        };
        let service = Service {
            request,
            app: &app,
            flavour,
            keys: directory.keys(),
            targets: server.targets,
            now_ms: server.now_ms,
            entropy: server.entropy,
        };
        let served = service.handle(route.endpoint);
        Limited { flavour, served }.admission(&app, route.endpoint)
    }

    fn automatic(self, automatic: &Automatic, channel: &str, app: &App, terms: StartTerms<'_>) -> Result<Call, String> {
        automatic::start(self, automatic, channel, app, terms)
    }

    fn event_type(self, event: &Event) -> EventType {
        EventType::Number(notification::event_type(event))
    }

    fn wants(self, event: &Event, callback: &Callback) -> bool {
        let wanted = callback.events.as_ref();
        let is_known = !matches!(event, Event::FileReady { .. } | Event::Stands { .. });
        is_known && wanted.is_none_or(|wanted| wanted.contains(&notification::event_type(event)))
    }

    fn notification(self, subject: &Subject, notice: &Notice, terms: NoticeTerms<'_>) -> Notification {
        notification::notification(subject, notice, self, &terms.callback.secret, terms.now_ms)
    }
}

#[cfg(test)]
mod tests;
