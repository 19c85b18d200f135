use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::{Fault, NodeToken, Refusal, RefusalCode, Secret};
use subtle::{Choice, ConstantTimeEq};

use super::Refused;

/// Who may call, by what they show as a bearer.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    /// Good for everything. Without any, everybody may call.
    all: Vec<Secret>,
    /// Good for rosters only.
    rosters: Option<Secret>,
}

impl Callers {
    /// `token`: the node's. To a token of the node's own belongs what the edge shows, which does not know the token itself.
    /// `roster_key`: what other nodes show.
    pub fn new(token: Option<Secret>, roster_key: Option<Secret>) -> Self {
        let own = token.as_ref().and_then(|token| NodeToken::parse(token.expose()));
        let call_key = own.map(|own| own.call_key());
        Self {
            all: token.into_iter().chain(call_key).collect(),
            rosters: roster_key,
        }
    }

    /// Those who may ask for rosters.
    pub(super) fn of_rosters(&self) -> Self {
        let is_open = self.all.is_empty();
        let roster_key = self.rosters.iter().filter(|_| !is_open).cloned();
        Self {
            all: self.all.iter().cloned().chain(roster_key).collect(),
            rosters: None,
        }
    }

    /// How long it takes tells nothing of what is asked for.
    fn admit(&self, shown: &[u8]) -> bool {
        let known = self.all.iter().map(|known| shown.ct_eq(known.expose().as_bytes()));
        self.all.is_empty() || bool::from(known.fold(Choice::from(0), |found, same| found | same))
    }
}

/// Lets those calls pass that show what is asked for.
pub(super) async fn require(State(callers): State<Callers>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if callers.admit(given.unwrap_or_default()) {
        return next.run(request).await;
    }
    Refused(Refusal {
        fault: Fault::Caller,
        code: RefusalCode::Unauthorized,
        reason: "the node token is missing or wrong".to_owned(),
    })
    .into_response()
}
