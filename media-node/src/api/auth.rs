use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::{Fault, Refusal, RefusalCode, Secret};
use subtle::ConstantTimeEq;

use super::Refused;

/// Lets calls with the node token pass. How long it takes tells nothing of the token.
pub(super) async fn require(State(token): State<Option<Secret>>, request: Request, next: Next) -> Response {
    let Some(token) = token else {
        return next.run(request).await;
    };
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if bool::from(given.unwrap_or_default().ct_eq(token.expose().as_bytes())) {
        return next.run(request).await;
    }
    Refused(Refusal {
        fault: Fault::Caller,
        code: RefusalCode::Unauthorized,
        reason: "the node token is missing or wrong".to_owned(),
    })
    .into_response()
}
