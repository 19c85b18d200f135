//! `/node/v1/line`: hands the request of a node that may have a line to that node's object, which accepts the socket.

use protocol::line::PATH;
use worker::{Env, Request, Response};

use super::objects::{LineOf, counting, open};
use super::{REQUEST_ID, bindings, node_routes, transport};
use crate::http;
use crate::metrics::Route;

/// Whether a request opens a WebSocket there.
pub(super) fn is_opened(request: &Request) -> bool {
    request.path() == PATH && matches!(request.headers().get("Upgrade"), Ok(Some(_)))
}

pub(super) async fn answer(request: Request, env: &Env) -> worker::Result<Response> {
    let refused = match admit(&request, env).await? {
        Ok(node_id) => match open::<LineOf>(env, &node_id, request).await {
            Ok(response) => {
                counting::answered(Route::Line, response.status_code());
                return Ok(response);
            }
            Err(_) => transport::message(500, "The node's object does not answer"),
        },
        Err(refused) => refused,
    };
    counting::answered(Route::Line, refused.status);
    transport::write(refused.with_header(REQUEST_ID, &bindings::request_id()))
}

/// The node that may have its line, or the answer in the place of one.
async fn admit(request: &Request, env: &Env) -> worker::Result<Result<String, http::Response>> {
    let request = match transport::read(request.clone()?, |_| false).await {
        Ok((request, _)) => request,
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(node_routes::line(&request, env).await)
}
