//! The runtime's requests and responses as plain ones, and back.

use worker::{Headers, Request, Response, ResponseBuilder};

use crate::http;

/// Above every body that a customer, the operator or a node has reason to send.
const MAX_BODY: usize = 4 << 20;

/// The request with its whole body, or the answer to one that is too large or broke off.
pub(super) async fn read(mut request: Request) -> Result<http::Request, http::Response> {
    let headers: http::Headers = request.headers().entries().collect();
    let announced = headers
        .get("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(message(413, "the body is larger than 4 MiB"));
    }
    let body = request.bytes().await.map_err(|_| message(400, "the body broke off"))?;
    if body.len() > MAX_BODY {
        return Err(message(413, "the body is larger than 4 MiB"));
    }
    let url = request.inner().url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    Ok(http::Request {
        method: request.inner().method(),
        path: request.path(),
        query: query.to_owned(),
        headers,
        body,
    })
}

pub(super) fn write(response: http::Response) -> worker::Result<Response> {
    let headers = Headers::new();
    for (name, value) in response.headers.iter() {
        headers.append(name, value)?;
    }
    Ok(ResponseBuilder::new()
        .with_status(response.status)
        .with_headers(headers)
        .fixed(response.body))
}

/// A JSON body of the gateway's shape.
pub(super) fn message(status: u16, message: &str) -> http::Response {
    http::Response::json(status, &serde_json::json!({ "message": message }))
}
