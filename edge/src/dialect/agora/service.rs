//! The service behind the gateway: from a routed request of a known app to an answer or a call.

use protocol::{Mode, PlaylistStyle, RecorderKey};

use super::acquire::Acquire;
use super::body::{self, Reply};
use super::error::{
    ApiError, FOREIGN_RESOURCE, FOREIGN_SID, INTERNAL_ERROR, INVALID_PARAMETER, NO_ACTIVE_STATUS, RESOURCE_EXPIRED,
    UNREADABLE_RESOURCE,
};
use super::names::Names;
use super::route::{Action, Endpoint};
use super::start::Start;
use super::stop::Stop;
use super::{Handled, Pending};
use crate::access::{App, Entropy, KeyRing, ResourceId, hex};
use crate::http::{Request, Response};
use crate::input::Fields;
use crate::recording::{self, Call, Command, Spec, Target, Ticket};

/// A request of an app that its caller may use.
pub(super) struct Service<'a> {
    pub(super) request: &'a Request,
    pub(super) app: &'a App,
    pub(super) keys: &'a KeyRing,
    pub(super) now_ms: u64,
    pub(super) entropy: &'a Entropy,
}

impl Service<'_> {
    pub(super) fn handle(&self, endpoint: Endpoint<'_>) -> Handled {
        let handled = match endpoint {
            Endpoint::Acquire => self.acquire().map(Handled::Respond),
            Endpoint::Start { resource_id, mode } => self.start(resource_id, mode).map(Handled::call),
            Endpoint::Running {
                resource_id,
                sid,
                mode,
                action,
            } => self.running(resource_id, sid, mode, action).map(Handled::call),
        };
        handled.unwrap_or_else(Handled::Respond)
    }

    fn acquire(&self) -> Result<Response, Response> {
        let error = |error: ApiError| error.answer(Reply::default());
        self.check_active().map_err(error)?;
        let body = body::read(self.request).map_err(error)?;
        let Acquire { names, expires_hours } = Acquire::read(&Fields::new(&body)).map_err(error)?;
        let Names { cname, uid } = names;
        let resource = ResourceId::new(&self.app.app_id, cname, uid, expires_hours, self.now_ms, self.entropy);
        let text = resource
            .seal(self.keys, self.entropy)
            .map_err(|_| error(ApiError::new(INTERNAL_ERROR, "")))?;
        Ok(Reply::about(&resource, &text).answer(200))
    }

    fn start(&self, resource_id: &str, mode: &str) -> Result<Pending, Response> {
        let error = |error: ApiError| error.answer(Reply::default());
        self.check_active().map_err(error)?;
        let body = body::read(self.request).map_err(error)?;
        let mode = read_mode(mode).map_err(error)?;
        let resource = self.open(resource_id).map_err(error)?;
        let reply = Reply::about(&resource, resource_id);
        let start = self
            .read_start(&resource, &body)
            .map_err(|error| error.answer(reply.clone()))?;

        let sid = hex(&self.entropy.id);
        let strict_extinf = start
            .recording
            .correct_extinf
            .unwrap_or(self.app.recorder.strict_extinf);
        let spec = Spec {
            mode,
            source: self.app.source.clone(),
            subscription: start.recording.subscription,
            playlist: PlaylistStyle { strict_extinf },
            storage: start.storage,
            max_idle_ms: start.recording.max_idle_s.saturating_mul(1000),
        };
        let ticket = Ticket {
            nonce: resource.nonce.clone(),
            issued_ms: resource.issued_ms,
            expires_hours: resource.expires_hours,
        };
        let command = Command::Start(Box::new(recording::Start { sid, ticket, spec }));
        Ok(Pending {
            call: Call {
                key: key_of(&resource),
                command,
            },
            reply,
        })
    }

    fn read_start(&self, resource: &ResourceId, body: &body::Object) -> Result<Start, ApiError> {
        if resource.is_stale(self.now_ms) {
            let detail = "a recording must be started within 5 minutes of acquire; acquire a new resource ID";
            return Err(ApiError::new(RESOURCE_EXPIRED, detail));
        }
        let body = Fields::new(body);
        check_names(&Names::read(&body)?, resource)?;
        Ok(Start::read(&body)?)
    }

    fn running(&self, resource_id: &str, sid: &str, mode: &str, action: Action) -> Result<Pending, Response> {
        let error = |error: ApiError| error.answer(Reply::default());
        let not_offered = |name| {
            error(ApiError::new(
                INVALID_PARAMETER,
                format!("{name} is not offered by this server"),
            ))
        };
        let body = match action {
            Action::Query => None,
            Action::Stop => Some(body::read(self.request).map_err(error)?),
            Action::Update => return Err(not_offered("update")),
            Action::UpdateLayout => return Err(not_offered("updateLayout")),
        };
        read_mode(mode).map_err(error)?;
        let resource = self.open(resource_id).map_err(error)?;
        let reply = Reply::about(&resource, resource_id);
        if !is_sid(sid) {
            let detail = "the sid in the URL is none that start gave out";
            return Err(ApiError::new(FOREIGN_SID, detail).answer(reply));
        }
        let reply = Reply {
            sid: Some(sid.to_owned()),
            ..reply
        };
        let target = Target {
            sid: sid.to_owned(),
            nonce: Some(resource.nonce.clone()),
        };
        let command = match body {
            None => Command::Query(target),
            Some(body) => {
                let stop = read_stop(&resource, &body).map_err(|error| error.answer(reply.clone()))?;
                Command::Stop(recording::Stop {
                    target,
                    at_once: stop.async_stop,
                })
            }
        };
        Ok(Pending {
            call: Call {
                key: key_of(&resource),
                command,
            },
            reply,
        })
    }

    fn check_active(&self) -> Result<(), ApiError> {
        match self.app.disabled {
            false => Ok(()),
            true => Err(ApiError::new(NO_ACTIVE_STATUS, "the operator has disabled this App ID")),
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

fn read_stop(resource: &ResourceId, body: &body::Object) -> Result<Stop, ApiError> {
    let body = Fields::new(body);
    check_names(&Names::read(&body)?, resource)?;
    Ok(Stop::read(&body)?)
}

fn check_names(names: &Names<'_>, resource: &ResourceId) -> Result<(), ApiError> {
    let foreign = |name| {
        Err(ApiError::new(
            FOREIGN_RESOURCE,
            format!("it was acquired for another {name}"),
        ))
    };
    if names.cname != resource.channel {
        return foreign("cname");
    }
    if names.uid != resource.uid {
        return foreign("uid");
    }
    Ok(())
}

fn read_mode(mode: &str) -> Result<Mode, ApiError> {
    let error = |detail| Err(ApiError::new(INVALID_PARAMETER, detail));
    match mode {
        "individual" => Ok(Mode::Individual),
        "mix" => error("mode mix is not offered by this server: use individual"),
        "web" => error("mode web is not offered by this server: use individual"),
        _ => error("the mode in the URL must be individual"),
    }
}

fn key_of(resource: &ResourceId) -> RecorderKey {
    RecorderKey {
        app_id: resource.app_id.clone(),
        channel: resource.channel.clone(),
        uid: resource.uid.clone(),
    }
}

fn is_sid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
