//! Who may join the channels of an app, and what its back end signs channel tokens with.

use protocol::Secret;
use serde::Serialize;

use super::error::AdminError;
use super::{Admin, MAX_SECRET_BYTES, is_visible, only};
use crate::access::{ChannelAccess, ChannelSecret, Channels, Page, Store, hex};
use crate::http::Response;
use crate::input::{FieldError, Fields};

/// The one in use and the one that follows it.
const MAX_SECRETS: usize = 2;
/// As many bytes as the signature has: RFC 7518, 3.2 asks for no fewer, and libraries refuse keys that are shorter.
const MIN_SECRET_BYTES: usize = 32;

/// A secret as the operator sees it: without the secret itself, but in the answer that makes it.
#[derive(Serialize)]
struct View {
    id: String,
    created_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<&ChannelSecret> for View {
    fn from(secret: &ChannelSecret) -> Self {
        Self {
            id: secret.id.clone(),
            created_ms: secret.created_ms,
            secret: None,
        }
    }
}

/// Takes over the settings that are given; the others stay.
pub(super) fn change(channels: &mut Channels, given: &Fields<'_>) -> Result<(), FieldError> {
    only(given, &["access"])?;
    channels.access = match given.string("access")? {
        None => channels.access,
        Some("open") => ChannelAccess::Open,
        Some("token") => ChannelAccess::Token,
        Some(_) => return Err(given.error("access", "must be \"open\" or \"token\"")),
    };
    Ok(())
}

impl<S: Store> Admin<'_, S> {
    /// All of them; they are too few for a second page.
    pub(super) async fn list_channel_secrets(&self, app_id: &str) -> Result<Response, AdminError> {
        let app = self.app(app_id).await?;
        let items: Vec<_> = app.channels.secrets.iter().map(View::from).collect();
        Ok(Response::json(200, &Page { items, cursor: None }))
    }

    /// Answers with the secret, this once.
    pub(super) async fn create_channel_secret(&self, app_id: &str) -> Result<Response, AdminError> {
        let body = self.body(&["secret"])?;
        let secret = self.chosen_or_new(&Fields::new(&body))?;
        let mut app = self.app(app_id).await?;
        if app.channels.secrets.len() >= MAX_SECRETS {
            let reason = "the app has two channel secrets already: delete the one that signs no tokens any more";
            return Err(AdminError::new(409, "too_many_secrets", reason));
        }
        let made = ChannelSecret {
            id: hex(&self.entropy.id),
            secret,
            created_ms: self.now_ms,
        };
        let shown = View {
            secret: Some(made.secret.expose().to_owned()),
            ..View::from(&made)
        };
        app.channels.secrets.push(made);
        self.directory.put_app(&app, &self.entropy.nonce).await?;
        Ok(Response::json(201, &shown))
    }

    pub(super) async fn delete_channel_secret(&self, app_id: &str, id: &str) -> Result<Response, AdminError> {
        let mut app = self.app(app_id).await?;
        let before = app.channels.secrets.len();
        app.channels.secrets.retain(|secret| secret.id != id);
        if app.channels.secrets.len() == before {
            return Err(AdminError::not_found("channel secret", id));
        }
        self.directory.put_app(&app, &self.entropy.nonce).await?;
        Ok(Response::empty(204))
    }

    fn chosen_or_new(&self, body: &Fields<'_>) -> Result<Secret, FieldError> {
        let is_legal =
            |secret: &str| (MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&secret.len()) && is_visible(secret);
        match body.string("secret")? {
            None => Ok(Secret::new(hex(&self.entropy.secret))),
            Some(chosen) if is_legal(chosen) => Ok(Secret::new(chosen)),
            Some(_) => Err(body.error(
                "secret",
                format!("must have {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} characters, all of visible ASCII"),
            )),
        }
    }
}
