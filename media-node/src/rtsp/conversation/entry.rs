//! Who may publish and play, asked by the requests that name a stream.

use rtsp_types::{Request, StatusCode, Url, headers};

use super::super::relay::token_of;
use super::super::reply::Refusal;
use super::super::target::Target;
use super::{Conversation, Granted};
use crate::access::{Action, Denial, Grant, Place, Shown, Wish};
use crate::channel::{PathError, StreamPath};

impl Conversation {
    pub(super) async fn authorized(
        &mut self,
        action: Action,
        url: &Url,
        request: &Request<Vec<u8>>,
        now_ms: u64,
    ) -> Result<(Target, Grant), Refusal> {
        let target = Target::parse(url).map_err(|error: PathError| Refusal::not_found(error.to_string()))?;
        let relay_token = token_of(request).filter(|_| action == Action::Play);
        if let Some(granted) = &self.granted
            && granted.action == action
            && granted.relay == relay_token.is_some()
            && granted.path == target.path
            && granted.grant.lasts(action)
        {
            return Ok((target, granted.grant));
        }
        let grant = match relay_token {
            Some(token) => self.relayed(token, &target.path, now_ms)?,
            None => self.admitted(action, &target, request).await?,
        };
        self.granted = Some(Granted {
            action,
            path: target.path.clone(),
            relay: relay_token.is_some(),
            grant,
        });
        Ok((target, grant))
    }

    /// Another node plays, for those who play there.
    fn relayed(&mut self, token: &str, path: &StreamPath, now_ms: u64) -> Result<Grant, Refusal> {
        if !self.server.hub.admits_relay(token, path, now_ms) {
            return Err(Refusal::new(
                StatusCode::Unauthorized,
                "This is no token of another node for this channel",
            ));
        }
        self.ticket.trust();
        Ok(Grant::ALL)
    }

    async fn admitted(&self, action: Action, target: &Target, request: &Request<Vec<u8>>) -> Result<Grant, Refusal> {
        let authorization = request.header(&headers::AUTHORIZATION).map(|value| value.as_str());
        let wish = Wish {
            action,
            place: &Place {
                app: target.path.app.clone(),
                channel: target.path.channel.clone(),
                uid: target.path.uid.clone(),
            },
            shown: &Shown::new(target.key.clone(), target.token.clone(), authorization).by(target.own_uid.clone()),
            source: self.ends.peer,
        };
        let admitted = self.server.hub.gate.admit(&wish).await;
        admitted.map_err(|denial| self.denied(denial))
    }

    pub(super) fn denied(&self, denial: Denial) -> Refusal {
        self.server.hub.turned_away.count(&denial);
        denial.into()
    }
}
