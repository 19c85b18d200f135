//! The operator's API under `/admin/v1`: tenants, their credentials, apps; nodes and recordings by way of the shell. It
//! knows the directory and the recording's words, no dialect.

mod answer;
mod apps;
mod automatic;
mod backup;
mod callback;
mod channel_secrets;
mod channels;
mod credentials;
mod error;
mod house_storage;
mod limits;
mod node_tokens;
mod notices;
mod recordings;
mod route;
mod source;
mod tenants;

pub use answer::{erasing, failure, given_up, made, notices, page, recording, recordings, replayed, tested, usage};
pub use callback::TestResult;
pub use channels::{channels, removed};
pub use node_tokens::{added, revoked, tokens};

use error::AdminError;
use protocol::{NodeToken, Secret, UserRemoval};
use route::Route;
use serde_json::{Map, Value};

use crate::access::{Callback, Directory, DirectoryError, Entropy, Limits, Store, is_id, same_secret};
use crate::app::Filter;
use crate::dialect::Dialect;
use crate::http::{Request, Response};
use crate::input::{FieldError, Fields, Targets};
use crate::node::Held;
use crate::recording::{NoticeState, Which};

const MAX_BODY_BYTES: usize = 256 * 1024;
/// Each row of a page is a read of its own, and a worker's request may make 50 on Cloudflare's smallest plan.
const MAX_PAGE: usize = 40;
const DEFAULT_PAGE: usize = 20;
/// Longer secrets than any vendor gives out.
const MAX_SECRET_BYTES: usize = 256;

/// What becomes of a request.
#[derive(Debug)]
pub enum Handled {
    /// The answer is known.
    Respond(Response),
    /// The shell has to ask its objects.
    Ask(Question),
    /// The directory could not be read or written. The error is for the log, the response for the operator.
    Failed(DirectoryError, Response),
}

/// What the operator asks of the objects. The shell answers with the function that is named, or with [`failure`].
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// All nodes that the fleet knows: [`page`].
    Nodes,
    /// The tokens of a node: [`tokens`].
    NodeTokens { node_id: String },
    /// Let a node in by a new token, which is shown once: [`added`].
    AddNodeToken {
        node_id: String,
        held: Held,
        token: NodeToken,
    },
    /// Let the bearer of a node's token in no more: [`revoked`].
    RevokeNodeToken { node_id: String, id: String },
    /// Who is in the channels of an app, or in one, at all nodes: [`channels`].
    Channels { app_id: String, channel: Option<String> },
    /// Disconnect who publishes as a user, at whichever nodes: [`removed`].
    RemoveUser(UserRemoval),
    /// How much of its limits an app uses: [`usage`].
    Usage { app_id: String, limits: Limits },
    /// The recordings of an app: [`recordings`].
    Recordings { app_id: String, filter: Filter },
    /// The state of one recording and its history: [`recording`].
    Recording { app_id: String, sid: String },
    /// Stop one recording, without waiting for its uploads: [`recording`].
    Stop { app_id: String, sid: String },
    /// Delete everything of a recording in the app's own store: [`erasing`].
    Erase { app_id: String, sid: String },
    /// Wait no longer for media that is still on a node: [`given_up`].
    GiveUp { app_id: String, sid: String },
    /// The log of a recording's events, from behind the number `after`: [`notices`].
    Notices {
        app_id: String,
        dialect: Dialect,
        sid: String,
        limit: usize,
        after: Option<u64>,
        state: Option<NoticeState>,
    },
    /// Deliver events once more: [`replayed`].
    Replay { app_id: String, sid: String, which: Which },
    /// Send the callback one event of each type that it wants: [`tested`].
    TestCallback {
        app_id: String,
        /// The name of the app's dialect.
        dialect: String,
        callback: Callback,
    },
}

/// Handles a request whose path begins with `/admin/v1`. An empty `token` lets nobody in.
///
/// `targets`: the servers that a callback may be at. `now_ms`: Unix milliseconds. `entropy`: fresh for each request.
pub async fn handle<S: Store>(
    request: &Request,
    token: &Secret,
    directory: &Directory<'_, S>,
    targets: Targets,
    now_ms: u64,
    entropy: &Entropy,
) -> Handled {
    if let Err(response) = enter(request, token) {
        return Handled::Respond(response);
    }
    let Some(route) = Route::parse(&request.path) else {
        return Handled::Respond(AdminError::new(404, "not_found", "there is no such path").response());
    };
    if !route.methods().split(", ").any(|method| method == request.method) {
        let reason = format!("this path accepts {}", route.methods());
        let response = AdminError::new(405, "method_not_allowed", reason).response();
        return Handled::Respond(response.with_header("Allow", route.methods()));
    }
    let admin = Admin {
        request,
        directory,
        targets,
        now_ms,
        entropy,
    };
    match admin.carry_out(route).await {
        Ok(handled) => handled,
        Err(error) => {
            let response = error.response();
            match error {
                AdminError::Directory(error) => Handled::Failed(error, response),
                AdminError::Refused { .. } => Handled::Respond(response),
            }
        }
    }
}

/// Lets the operator in, who shows the token; an empty one lets nobody in.
///
/// # Errors
/// The answer to anybody else.
pub fn enter(request: &Request, token: &Secret) -> Result<(), Response> {
    if is_operator(request, token) {
        return Ok(());
    }
    let refusal = AdminError::new(401, "unauthorized", "send `Authorization: Bearer` with the admin token");
    Err(refusal
        .response()
        .with_header("WWW-Authenticate", r#"Bearer realm="tapedeck admin""#))
}

fn is_operator(request: &Request, token: &Secret) -> bool {
    let shown = request
        .headers
        .get("authorization")
        .and_then(|value| value.trim().split_once(' '));
    // A scheme without a token behind it does not split: what is shown is never empty, so no empty token matches.
    let shown = shown
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    shown.is_some_and(|shown| same_secret(shown, token.expose()))
}

/// A request of the operator, past the door.
struct Admin<'a, S> {
    request: &'a Request,
    directory: &'a Directory<'a, S>,
    targets: Targets,
    now_ms: u64,
    entropy: &'a Entropy,
}

impl<S: Store> Admin<'_, S> {
    async fn carry_out(&self, route: Route<'_>) -> Result<Handled, AdminError> {
        // The route takes no other methods: what is left in each last arm is DELETE.
        let response = match (route, self.request.method.as_str()) {
            (Route::Tenants, "GET") => self.list_tenants().await,
            (Route::Tenants, _) => self.create_tenant().await,
            (Route::Tenant(id), "GET") => self.read_tenant(id).await,
            (Route::Tenant(id), "PATCH") => self.update_tenant(id).await,
            (Route::Tenant(id), _) => self.delete_tenant(id).await,
            (Route::Credentials { tenant }, "GET") => self.list_credentials(tenant).await,
            (Route::Credentials { tenant }, _) => self.create_credential(tenant).await,
            (Route::Credential { tenant, customer_id }, "GET") => self.read_credential(tenant, customer_id).await,
            (Route::Credential { tenant, customer_id }, "PATCH") => self.update_credential(tenant, customer_id).await,
            (Route::Credential { tenant, customer_id }, _) => self.delete_credential(tenant, customer_id).await,
            (Route::Apps, "GET") => self.list_apps().await,
            (Route::Apps, _) => self.create_app().await,
            (Route::App(id), "GET") => self.read_app(id).await,
            (Route::App(id), "PATCH") => self.update_app(id).await,
            (Route::App(id), _) => self.delete_app(id).await,
            (Route::Nodes, _) => return Ok(Handled::Ask(Question::Nodes)),
            (Route::NodeTokens { node_id }, "GET") => return self.node_tokens(node_id).map(Handled::Ask),
            (Route::NodeTokens { node_id }, _) => return self.add_node_token(node_id).map(Handled::Ask),
            (Route::NodeToken { node_id, id }, _) => return self.revoke_node_token(node_id, id).map(Handled::Ask),
            (Route::ChannelSecrets { app_id }, "GET") => self.list_channel_secrets(app_id).await,
            (Route::ChannelSecrets { app_id }, _) => self.create_channel_secret(app_id).await,
            (Route::ChannelSecret { app_id, id }, _) => self.delete_channel_secret(app_id, id).await,
            (Route::Channels { app_id }, _) => return self.channels(app_id).map(Handled::Ask),
            (Route::ChannelUser { app_id, channel, uid }, _) => {
                return self.remove_user(app_id, channel, uid).map(Handled::Ask);
            }
            (Route::Usage { app_id }, _) => return self.usage(app_id).await.map(Handled::Ask),
            (Route::Recordings { app_id }, _) => return self.recordings(app_id).map(Handled::Ask),
            (Route::Recording { app_id, sid }, method) => {
                let (app_id, sid) = recordings::ids(app_id, sid)?;
                return Ok(Handled::Ask(match method {
                    "GET" => Question::Recording { app_id, sid },
                    _ => Question::Erase { app_id, sid },
                }));
            }
            (Route::StopRecording { app_id, sid }, _) => {
                let (app_id, sid) = recordings::ids(app_id, sid)?;
                return Ok(Handled::Ask(Question::Stop { app_id, sid }));
            }
            (Route::AwaitedMedia { app_id, sid }, _) => {
                let (app_id, sid) = recordings::ids(app_id, sid)?;
                return Ok(Handled::Ask(Question::GiveUp { app_id, sid }));
            }
            (Route::Notices { app_id, sid }, _) => return self.notices(app_id, sid).await.map(Handled::Ask),
            (Route::ReplayNotices { app_id, sid }, _) => return self.replay(app_id, sid, None).map(Handled::Ask),
            (Route::ReplayNotice { app_id, sid, number }, _) => {
                return self.replay(app_id, sid, Some(number)).map(Handled::Ask);
            }
            (Route::TestCallback { app_id }, _) => return self.test_callback(app_id).await.map(Handled::Ask),
        };
        response.map(Handled::Respond)
    }

    /// `limit` and `cursor` of the query.
    fn paging(&self) -> Result<(usize, Option<String>), AdminError> {
        let field_error = |field: &str, problem: String| FieldError {
            field: field.to_owned(),
            problem,
        };
        let limit = self.request.query_value("limit").filter(|limit| !limit.is_empty());
        let limit = limit.map_or(Some(DEFAULT_PAGE), |limit| limit.parse().ok());
        let limit = limit
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| field_error("limit", format!("must be a whole number from 1 to {MAX_PAGE}")))?;
        let cursor = self.request.query_value("cursor").filter(|cursor| !cursor.is_empty());
        if cursor.as_ref().is_some_and(|cursor| cursor.len() > 1024) {
            return Err(field_error("cursor", "must be the cursor of the previous page".to_owned()).into());
        }
        Ok((limit, cursor))
    }

    /// The body as a JSON object that has no other fields than these. An empty body is an empty object.
    fn body(&self, known: &[&str]) -> Result<Map<String, Value>, AdminError> {
        let invalid = |reason: String| AdminError::new(400, "invalid_body", reason);
        if self.request.body.len() > MAX_BODY_BYTES {
            return Err(invalid(format!(
                "the body must not be longer than {MAX_BODY_BYTES} bytes"
            )));
        }
        if self.request.body.is_empty() {
            return Ok(Map::new());
        }
        let value = serde_json::from_slice(&self.request.body).map_err(|error| {
            invalid(format!(
                "the body is not valid JSON: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let Value::Object(map) = value else {
            return Err(invalid("the body must be a JSON object".to_owned()));
        };
        only(&Fields::new(&map), known)?;
        Ok(map)
    }
}

/// Refuses an object that has fields besides these: a misspelt setting must not look as if it took effect.
fn only(fields: &Fields<'_>, known: &[&str]) -> Result<(), FieldError> {
    match fields.names().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => Err(fields.error(name, format!("is unknown; there are: {}", known.join(", ")))),
    }
}

/// An id that the operator chose, if one was given.
fn chosen_id<'a>(body: &Fields<'a>, name: &str) -> Result<Option<&'a str>, FieldError> {
    let id = body.string(name)?;
    match id.is_none_or(is_id) {
        true => Ok(id),
        false => Err(body.error(name, "must have 1 to 64 characters: a-z A-Z 0-9 _ -")),
    }
}

/// A name for people, if one was given.
fn display_name<'a>(body: &Fields<'a>) -> Result<Option<&'a str>, FieldError> {
    let name = body.string("name")?;
    match name.is_none_or(|name| name.len() <= 200 && !name.chars().any(char::is_control)) {
        true => Ok(name),
        false => Err(body.error("name", "must have at most 200 bytes and no control characters")),
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
