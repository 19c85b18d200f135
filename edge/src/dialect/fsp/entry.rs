//! Who may call: a developer gets an access token for the vendor's token, and shows it with each call of a task.

use super::asked::{Asked, echo};
use super::code::{
    AUTHENTICATION_FAILED, ApiError, BUSY, FAILED, NOT_ALLOWED, NOT_CERTIFIED, NOT_SIGNED_IN, OPERATION_FAILED,
    PARAMETER_MISSING, TOKEN_OVER,
};
use super::flavour::Flavour;
use super::reply::Reply;
use super::route::Endpoint;
use super::{admission, params, token};
use crate::access::{Store, hex};
use crate::dialect::step::{Entrance, Step};
use crate::dialect::vendor::{Server, Vendor as _};
use crate::gateway::{self, Pass};
use crate::http::Request;
use crate::input::Fields;

/// How long an access token is good for, in seconds, unless another one replaces it.
const LASTS_S: u64 = 7_200;
/// Longer headers are none of ours.
const MAX_HEADER_BYTES: usize = 8_192;

/// `/access/token`.
pub(super) async fn access_token<S: Store>(request: &Request, server: &Server<'_, S>) -> Step {
    // Which flavour an app of the developer has is not known here; the codes of the gateway are the same in both.
    let reply = Reply::new(Flavour::default());
    let fail = |error: ApiError| Step::Respond(reply.clone().error(&error));
    let Some((id, token)) = shown(request) else {
        let detail = "the Authorization header has to be dev_id.token";
        return fail(ApiError::new(PARAMETER_MISSING, detail));
    };
    let credential = match server.directory.credential(&id).await {
        Ok(Some(credential)) => credential,
        Ok(None) => return fail(ApiError::new(AUTHENTICATION_FAILED, "")),
        Err(error) => return Step::Failed(error, reply.error(&ApiError::new(OPERATION_FAILED, ""))),
    };
    if let Err(error) = token::verify(&token, &id, &credential.secret, server.now_ms) {
        return fail(ApiError::new(AUTHENTICATION_FAILED, error.0));
    }
    let access_token = hex(&server.entropy.id);
    let request = gateway::Request::SignIn {
        account: id,
        token: access_token.clone(),
        lasts_ms: LASTS_S * 1_000,
    };
    Step::Gateway(Box::new(Entrance::new(credential.tenant, request, move |answer| {
        let response = match answer {
            Some(gateway::Reply::SignedIn) => reply
                .with(
                    "result",
                    serde_json::json!({ "timeout": LASTS_S, "access_token": access_token }),
                )
                .success(),
            Some(gateway::Reply::Busy) => reply.error(&ApiError::new(BUSY, "")),
            _ => reply.error(&ApiError::new(OPERATION_FAILED, "try again")),
        };
        Step::Respond(response)
    })))
}

/// The developer's id and their token: from the header, or from the query, as the vendor's table of parameters has them.
fn shown(request: &Request) -> Option<(String, String)> {
    let header = request.headers.get("authorization").map(str::trim).unwrap_or_default();
    if header.len() > MAX_HEADER_BYTES {
        return None;
    }
    match header.split_once('.') {
        Some((id, token)) => Some((id.to_owned(), token.to_owned())),
        None => Some((request.query_value("dev_id")?, request.query_value("token")?)),
    }
}

/// Any call of a task.
pub(super) async fn enter<S: Store>(endpoint: Endpoint, request: &Request, server: &Server<'_, S>) -> Step {
    let fields = match endpoint.is_get() {
        true => Ok(params::of_query(request)),
        false => params::of_body(request),
    };
    let (fields, malformed) = match fields {
        Ok(fields) => (fields, None),
        Err(error) => (params::Object::new(), Some(error)),
    };
    let reply = echo(Reply::new(Flavour::default()), &fields);
    let fail = |error: ApiError| Step::Respond(reply.clone().error(&error));
    let token = request.headers.get("authorization").map(str::trim).unwrap_or_default();
    if token.is_empty() {
        let detail = "the Authorization header has to be the access_token that /access/token gives";
        return fail(ApiError::new(NOT_SIGNED_IN, detail));
    }
    if let Some(error) = malformed {
        return fail(error);
    }
    let app_id = {
        let fields = Fields::new(&fields);
        let app_id = params::text(&fields, "app_id").and_then(|app_id| fields.require("app_id", app_id));
        match app_id {
            Ok(app_id) => app_id,
            Err(error) => return fail(error.into()),
        }
    };
    let app = match server.directory.app(&app_id).await {
        Ok(app) => app,
        Err(error) => return Step::Failed(error, reply.error(&ApiError::new(FAILED, "try again"))),
    };
    let known = app.and_then(|app| Some((Flavour::named(&app.dialect)?, app)));
    let Some((flavour, app)) = known else {
        return fail(ApiError::new(NOT_ALLOWED, "app_id is none of the developer's"));
    };
    let tenant = app.tenant.clone();
    let asked = Asked {
        flavour,
        app,
        endpoint,
        fields,
        now_ms: server.now_ms,
        sid: hex(&server.entropy.id),
    };
    let check = gateway::Request::Check {
        token: token.to_owned(),
    };
    Step::Gateway(Box::new(Entrance::new(tenant, check, move |answer| {
        let pass = match answer {
            Some(gateway::Reply::Checked(pass)) => pass,
            _ => return asked.fail(ApiError::new(FAILED, "try again")),
        };
        match pass {
            Pass::Good { .. } if asked.app.disabled && endpoint == Endpoint::Init => {
                asked.fail(ApiError::new(NOT_CERTIFIED, "the operator has disabled this app_id"))
            }
            Pass::Good { .. } => admission::admit(asked),
            Pass::Over => asked.fail(ApiError::new(TOKEN_OVER, "")),
            Pass::Unknown => {
                let detail = "the access_token is none of the developer whose app_id it is";
                asked.fail(ApiError::new(NOT_ALLOWED, detail))
            }
        }
    })))
}
