//! The service behind the gateway: from a routed request of a known app to an answer or a call.

use protocol::{Mode, Scene};

use super::acquire::Acquire;
use super::admission::{Served, Waiting};
use super::error::{
    ApiError, Code, FOREIGN_RESOURCE, FOREIGN_SID, INTERNAL_ERROR, INVALID_LAYOUT, INVALID_PARAMETER, NO_ACTIVE_STATUS,
    NOT_ENABLED, RESOURCE_EXPIRED, TOKEN_EXPIRED, TOKEN_INVALID, UNREADABLE_RESOURCE,
};
use super::flavour::Flavour;
use super::names::Names;
use super::reply::Reply;
use super::route::{Action, Endpoint};
use super::start::Start;
use super::stop::Stop;
use super::storage_config::Terms;
use super::update::Update;
use super::{body, layout, mode, specification, start_parameter};
use crate::access::{App, Entropy, Entry, KeyRing, ResourceId, TokenError, hex, verify_token};
use crate::http::{Request, Response};
use crate::input::{FieldError, Fields, Targets};
use crate::recording::{self, Call, Command, Preference, Target, Ticket};

/// A request of an app that its caller may use, and what it is handled with.
pub(super) struct Service<'a> {
    pub(super) request: &'a Request,
    pub(super) app: &'a App,
    pub(super) flavour: Flavour,
    pub(super) keys: &'a KeyRing,
    pub(super) targets: Targets,
    pub(super) now_ms: u64,
    pub(super) entropy: &'a Entropy,
}

impl Service<'_> {
    pub(super) fn handle(&self, endpoint: Endpoint<'_>) -> Served {
        let served = match endpoint {
            Endpoint::Acquire => self.acquire().map(|reply| Served::Offer(Box::new(reply))),
            Endpoint::Start { resource_id, mode } => self
                .start(resource_id, mode)
                .map(|waiting| Served::Call(Box::new(waiting))),
            Endpoint::Running {
                resource_id,
                sid,
                mode,
                action,
            } => self
                .running(resource_id, sid, mode, action)
                .map(|waiting| Served::Call(Box::new(waiting))),
        };
        served.unwrap_or_else(Served::Respond)
    }

    fn acquire(&self) -> Result<Reply, Response> {
        let error = |error: ApiError| error.answer(self.reply());
        self.check_active(NOT_ENABLED).map_err(error)?;
        let body = body::read(self.request).map_err(error)?;
        let Acquire {
            names,
            expires_hours,
            start_digest,
            preference,
        } = Acquire::read(&Fields::new(&body), self.flavour, self.keys).map_err(error)?;
        let Names { cname, uid } = names;
        let resource = ResourceId {
            start_digest,
            region: preference.region,
            avoid: preference.avoid,
            ..ResourceId::new(&self.app.app_id, cname, uid, expires_hours, self.now_ms, self.entropy)
        };
        let text = resource
            .seal(self.keys, self.entropy)
            .map_err(|_| error(ApiError::new(INTERNAL_ERROR, "")))?;
        Ok(self.reply().about(&resource, &text))
    }

    fn start(&self, resource_id: &str, mode: &str) -> Result<Waiting, Response> {
        let error = |error: ApiError| error.answer(self.reply());
        self.check_active(NO_ACTIVE_STATUS).map_err(error)?;
        let body = body::read(self.request).map_err(error)?;
        let mode = mode::read(mode).map_err(error)?;
        let resource = self.open(resource_id).map_err(error)?;
        let reply = self.reply().about(&resource, resource_id);
        let start = self
            .read_start(&resource, &body, mode)
            .map_err(|error| error.answer(reply.clone()))?;
        Ok(Waiting {
            call: Call {
                key: resource.recorder(),
                command: Command::Start(Box::new(start)),
            },
            reply,
        })
    }

    fn read_start(&self, resource: &ResourceId, body: &body::Object, mode: Mode) -> Result<recording::Start, ApiError> {
        if resource.is_stale(self.now_ms) {
            let detail = "a recording must be started within 5 minutes of acquire; acquire a new resource ID";
            return Err(ApiError::new(RESOURCE_EXPIRED, detail));
        }
        let body = Fields::new(body);
        self.check_names(&body, resource)?;
        let start = Start::read(&body, mode, self.terms())?;
        check_announced(&body, resource)?;
        let token_expires_ms = self.check_token(start.token, resource)?;
        let ticket = Ticket {
            nonce: resource.nonce.clone(),
            issued_ms: resource.issued_ms,
            expires_hours: resource.expires_hours,
            preference: Preference {
                region: resource.region.clone(),
                avoid: resource.avoid.clone(),
            },
        };
        let max_idle_ms = start.max_idle_ms();
        let spec = specification::of(start, mode, self.app);
        Ok(recording::Start {
            sid: hex(&self.entropy.id),
            ticket,
            spec,
            max_idle_ms,
            token_expires_ms,
        })
    }

    /// When the token dies, in Unix milliseconds; `None` when tokens are not looked at.
    fn check_token(&self, token: &str, resource: &ResourceId) -> Result<Option<u64>, ApiError> {
        let Some(certificate) = &self.app.certificate else {
            return Ok(None);
        };
        let entry = Entry {
            app_id: &resource.app_id,
            channel: &resource.channel,
            uid: Some(&resource.uid),
        };
        match verify_token(token, certificate, &entry, self.now_ms) {
            Ok(dies_ms) => Ok(Some(dies_ms)),
            Err(error @ TokenError::Expired { .. }) => Err(ApiError::new(TOKEN_EXPIRED, error.to_string())),
            Err(error) => Err(ApiError::new(TOKEN_INVALID, error.to_string())),
        }
    }

    fn running(&self, resource_id: &str, sid: &str, mode: &str, action: Action) -> Result<Waiting, Response> {
        let error = |error: ApiError| error.answer(self.reply());
        let body = match action {
            Action::Query => None,
            _ => Some(body::read(self.request).map_err(error)?),
        };
        let mode = mode::read(mode).map_err(error)?;
        let resource = self.open(resource_id).map_err(error)?;
        let reply = self.reply().about(&resource, resource_id);
        if !is_sid(sid) {
            let detail = "the sid in the URL was not returned by any start";
            return Err(ApiError::new(FOREIGN_SID, detail).answer(reply));
        }
        let reply = Reply {
            sid: Some(sid.to_owned()),
            ..reply
        };
        let body = body.unwrap_or_default();
        let command = self.read_running(&resource, &Fields::new(&body), mode, action, sid);
        let command = command.map_err(|error| error.answer(reply.clone()))?;
        Ok(Waiting {
            call: Call {
                key: resource.recorder(),
                command,
            },
            reply,
        })
    }

    fn read_running(
        &self,
        resource: &ResourceId,
        body: &Fields<'_>,
        mode: Mode,
        action: Action,
        sid: &str,
    ) -> Result<Command, ApiError> {
        let target = Target {
            sid: sid.to_owned(),
            nonce: Some(resource.nonce.clone()),
        };
        if action != Action::Query {
            self.check_names(body, resource)?;
        }
        let command = match action {
            Action::Query => Command::Query(target),
            Action::Stop => Command::Stop(recording::Stop {
                target,
                at_once: Stop::read(body)?.async_stop,
            }),
            Action::Pause => Command::Pause(target),
            Action::Resume => Command::Resume(target),
            Action::Update => {
                let Update { audio, video, keys } = Update::read(body, self.flavour, self.now_ms)?;
                Command::Update(recording::Update {
                    target,
                    audio,
                    video,
                    keys,
                })
            }
            Action::UpdateLayout => {
                let scene = Box::new(self.read_scene(body, mode)?);
                Command::UpdateLayout(recording::UpdateLayout { target, scene })
            }
        };
        Ok(command)
    }

    fn read_scene(&self, body: &Fields<'_>, mode: Mode) -> Result<Scene, ApiError> {
        if mode != Mode::Mix {
            return Err(ApiError::new(
                INVALID_PARAMETER,
                "updateLayout must not be called unless the mode is mix",
            ));
        }
        let error = |error: FieldError| ApiError::new(INVALID_LAYOUT, error.to_string());
        let request = body.object("clientRequest").map_err(error)?;
        let request = body.require("clientRequest", request).map_err(error)?;
        layout::read(&request, self.flavour, self.targets).map_err(error)
    }

    fn check_names(&self, body: &Fields<'_>, resource: &ResourceId) -> Result<(), ApiError> {
        let foreign = |name| {
            Err(ApiError::new(
                FOREIGN_RESOURCE,
                format!("it was acquired for another {name}"),
            ))
        };
        let names = Names::read(body, self.flavour)?;
        if names.cname != resource.channel {
            return foreign("cname");
        }
        if names.uid != resource.uid {
            return foreign("uid");
        }
        Ok(())
    }

    fn reply(&self) -> Reply {
        Reply::new(self.flavour)
    }

    fn terms(&self) -> Terms {
        Terms {
            flavour: self.flavour,
            targets: self.targets,
            now_ms: self.now_ms,
        }
    }

    fn check_active(&self, code: Code) -> Result<(), ApiError> {
        match self.app.disabled {
            false => Ok(()),
            true => Err(ApiError::new(code, "the operator has disabled this App ID")),
        }
    }

    /// Nothing of another app's resource ID is told.
    fn open(&self, text: &str) -> Result<ResourceId, ApiError> {
        let resource = ResourceId::open(text, self.keys)
            .map_err(|_| ApiError::new(UNREADABLE_RESOURCE, "acquire a new one, and send it whole"))?;
        if resource.app_id != self.app.app_id {
            return Err(ApiError::new(FOREIGN_RESOURCE, "it was acquired for another App ID"));
        }
        Ok(resource)
    }
}

/// Whether start asks for what acquire announced.
fn check_announced(body: &Fields<'_>, resource: &ResourceId) -> Result<(), ApiError> {
    let Some(announced) = &resource.start_digest else {
        return Ok(());
    };
    let asked = body
        .object("clientRequest")?
        .and_then(|request| start_parameter::digest(request.map()));
    match asked.as_ref() == Some(announced) {
        true => Ok(()),
        false => {
            let reason = "request_hash mismatch! clientRequest must ask for the same as acquire's startParameter";
            Err(ApiError::new(INVALID_PARAMETER, reason))
        }
    }
}

fn is_sid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
