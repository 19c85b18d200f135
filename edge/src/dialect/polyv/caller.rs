use protocol::Secret;

use super::Polyv;
use super::answer::Refusal;
use super::params::Params;
use super::route::Route;
use super::sign::is_signed;
use crate::access::{App, Store};
use crate::dialect::vendor::{Server, Vendor as _};

/// How far the caller's clock may be from ours.
const WINDOW_MS: u64 = 180_000;
/// Secrets that one account can have at a time, while they are exchanged.
const MAX_SECRETS: usize = 10;

/// Who may do what they ask for.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) app: App,
    /// What the request was signed with.
    pub(super) secret: Secret,
}

impl Caller {
    /// The checks in the vendor's order: app, time, signature, account.
    pub(super) async fn find<S: Store>(
        params: &Params,
        route: Route<'_>,
        server: &Server<'_, S>,
    ) -> Result<Self, Refusal> {
        let app_id = params.get("appId").ok_or(Refusal::NoAppId)?;
        let app = server.directory.app(app_id).await.map_err(Refusal::Unavailable)?;
        let is_ours = |app: &App| Polyv::named(&app.dialect).is_some() && !app.disabled;
        let app = app.filter(is_ours).ok_or(Refusal::UnknownApp)?;
        let sent_ms = params
            .get("timestamp")
            .and_then(milliseconds)
            .ok_or(Refusal::Timestamp)?;
        if sent_ms.abs_diff(server.now_ms) > WINDOW_MS {
            return Err(Refusal::Timestamp);
        }
        let known = server.directory.credentials(&app.tenant, MAX_SECRETS, None).await;
        let mut known = known.map_err(Refusal::Unavailable)?.items.into_iter();
        let signer = known.find(|credential| is_signed(params, &credential.secret));
        let secret = signer.ok_or(Refusal::Signature)?.secret;
        let named = [route.user_id, params.get("userId")];
        if named.into_iter().flatten().any(|user_id| user_id != app.tenant) {
            return Err(Refusal::UserId);
        }
        Ok(Self { app, secret })
    }
}

/// A time of 13 digits.
fn milliseconds(text: &str) -> Option<u64> {
    let is_time = text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_time.then(|| text.parse().ok()).flatten()
}
