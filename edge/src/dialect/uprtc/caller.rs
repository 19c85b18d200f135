use super::Uprtc;
use super::code::{ApiError, NOT_CERTIFIED};
use crate::access::{App, DirectoryError, Store, is_id, same_secret};
use crate::dialect::vendor::{Server, Vendor as _};
use crate::http::Request;

/// Secrets that one tenant can have at a time, while they are exchanged.
const MAX_SECRETS: usize = 10;
/// Longer headers are none of ours.
const MAX_HEADER_BYTES: usize = 1_024;

/// Why nobody is let in.
#[derive(Debug)]
pub(super) enum Refusal {
    Refused(ApiError),
    Unavailable(DirectoryError),
}

/// The app that a caller may use: the header is `key=AppSecret`, and an AppSecret is the app's id and a secret of its tenant, with a
/// dot between them.
pub(super) async fn find<S: Store>(request: &Request, server: &Server<'_, S>) -> Result<App, Refusal> {
    let refused = |msg: &str| Refusal::Refused(ApiError::new(NOT_CERTIFIED, msg));
    let header = request
        .headers
        .get("authorization")
        .filter(|header| header.len() <= MAX_HEADER_BYTES);
    let shown = header.and_then(|header| header.trim().strip_prefix("key="));
    let Some((app_id, secret)) = shown.and_then(|shown| shown.trim().split_once('.')) else {
        return Err(refused("the header authorization has to be key=<AppSecret>"));
    };
    let wrong = || refused("the AppSecret is wrong");
    if !is_id(app_id) || secret.is_empty() {
        return Err(wrong());
    }
    let app = server.directory.app(app_id).await.map_err(Refusal::Unavailable)?;
    let is_ours = |app: &App| Uprtc::named(&app.dialect).is_some();
    let app = app.filter(is_ours).ok_or_else(wrong)?;
    let known = server.directory.credentials(&app.tenant, MAX_SECRETS, None).await;
    let known = known.map_err(Refusal::Unavailable)?.items;
    if !known
        .iter()
        .any(|credential| same_secret(secret, credential.secret.expose()))
    {
        return Err(wrong());
    }
    match app.disabled {
        true => Err(refused("the app is disabled")),
        false => Ok(app),
    }
}
