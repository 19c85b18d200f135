//! The sockets by which customers listen to what happens in their apps: each gets an object of its own.

use worker::{Env, Request, Response};

use super::objects::{LISTENER_PARAMETER, ListenerOf, counting, open};
use super::{REQUEST_ID, bindings, transport};
use crate::dialect::Wire;
use crate::metrics::Route;

/// Whether a request opens such a socket, or should.
pub(super) fn is_opened(request: &Request) -> bool {
    request.inner().method() == "GET" && Wire::of(&request.path()).is_some()
}

pub(super) async fn answer(request: Request, env: &Env) -> worker::Result<Response> {
    let refused = match request.headers().get("Upgrade") {
        Ok(Some(_)) => {
            let listener: String = bindings::request_id();
            let mut url = request.url()?;
            url.set_query(Some(&format!("{LISTENER_PARAMETER}={listener}")));
            let request = Request::new_with_init(url.as_str(), &{
                let mut init = worker::RequestInit::new();
                init.with_headers(request.headers().clone());
                init
            })?;
            match open::<ListenerOf>(env, &listener, request).await {
                Ok(response) => {
                    counting::answered(Route::Listener, response.status_code());
                    return Ok(response);
                }
                Err(_) => transport::message(500, "the listener's object does not answer"),
            }
        }
        _ => transport::message(426, "open a WebSocket here").with_header("Upgrade", "websocket"),
    };
    counting::answered(Route::Listener, refused.status);
    transport::write(refused.with_header(REQUEST_ID, &bindings::request_id()))
}
