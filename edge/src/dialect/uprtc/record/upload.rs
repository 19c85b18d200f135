//! Files that customers and their clients send, which become records.

use serde_json::{Value, json};

use super::sid;
use crate::dialect::house::Place;
use crate::dialect::step::{Joining, Receiving, Sending, Step};
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::code::{ApiError, NO_RECORD_SERVER, PARAMETER};
use crate::dialect::uprtc::reply;
use crate::http::Request as HttpRequest;
use crate::joining::Order;
use crate::room::Server;
use crate::upload::{Form, Opening, Problem, Question, Reply, Request, parts};

/// The channel that records of uploaded files are listed under.
const CHANNEL: &str = "upload";

/// That reads the body of a request to upload a file.
pub(in crate::dialect::uprtc) fn form(request: &HttpRequest) -> Result<Form, ApiError> {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    Form::new(content_type).map_err(unfit)
}

fn unfit(problem: Problem) -> ApiError {
    match problem {
        Problem::Unfit(msg) => ApiError::new(PARAMETER, msg),
        Problem::Broken => ApiError::new(PARAMETER, "the body ended early"),
        Problem::Store(_) => ApiError::unanswered(),
    }
}

/// What is to be made of a file; `None` when the app has no store.
fn order(asked: &Asked, record_id: &str) -> Option<Order> {
    let sid = sid(&asked.app.app_id, record_id);
    let label = json!({ "recordId": record_id }).to_string();
    let place = Place::new(&asked.app, &sid, label)?;
    Some(Order {
        key: super::key(&asked.app.app_id, CHANNEL, record_id),
        nonce: sid.clone(),
        sid,
        parts: Vec::new(),
        start_ms: asked.now_ms,
        place: place.storage.prefix,
        house: place.house,
        told: Vec::new(),
        imports: true,
        recording: None,
    })
}

/// What an upload needs: an order and a server, which any is.
fn prepared(asked: Asked, record_id: &str, next: impl FnOnce(Asked, Order, Server) -> Step + 'static) -> Step {
    let refused = |msg: &str| reply::failure(ApiError::new(NO_RECORD_SERVER, msg));
    let Some(order) = order(&asked, record_id) else {
        return refused("the operator has to set house_storage for this app");
    };
    asked.usable_servers(move |asked, servers| match servers.into_iter().next() {
        Some(server) => next(asked, order, server),
        None => refused("no server takes recordings"),
    })
}

/// A client is to send a file over a socket.
pub(in crate::dialect::uprtc) fn client_upload(asked: Asked, record_id: String, token: String) -> Step {
    prepared(asked, &record_id.clone(), move |asked, order, server| {
        let place = format!("s1/c1/record?recordId={record_id}&token={token}");
        let mut fields = asked.place(&server, Some(&place));
        fields.insert("recordId".to_owned(), json!(record_id));
        let question = Question {
            record_id,
            request: Request::Open(Box::new(Opening { order, token })),
        };
        Step::Upload(Box::new(Sending::new(question, |reply| match reply {
            Some(Reply::Opened) => reply::success(Value::Object(fields)),
            _ => reply::failure(ApiError::unanswered()),
        })))
    })
}

/// The request has the file.
pub(in crate::dialect::uprtc) fn upload(asked: Asked, record_id: String, form: Form) -> Step {
    prepared(asked, &record_id.clone(), move |asked, mut order, server| {
        let app = asked.app.clone();
        Step::Receive(Box::new(Receiving::new(app, order.clone(), form, move |sizes| {
            match sizes {
                Ok(sizes) if sizes.is_empty() => return reply::failure(ApiError::new(PARAMETER, "file is empty")),
                Ok(sizes) => order.parts = parts(&order, &sizes),
                Err(problem) => return reply::failure(unfit(problem)),
            }
            let mut fields = asked.place(&server, None);
            fields.insert("recordId".to_owned(), json!(record_id));
            Step::Join(Box::new(Joining::new(vec![order], |begun| match begun {
                true => reply::success(Value::Object(fields)),
                false => reply::failure(ApiError::unanswered()),
            })))
        })))
    })
}
