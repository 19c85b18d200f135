//! The runtime's requests and responses as plain ones, and back.

use futures_util::TryStreamExt;
use worker::{Headers, Request, Response, ResponseBuilder};

use crate::http;

/// Above every body that a customer, the operator or a node has reason to send.
const MAX_BODY: usize = 4 << 20;

/// The request with its whole body, or the answer to one that is too large or broke off. The body of one that is to be `streamed`
/// is left in the runtime's request, which is returned then.
pub(super) async fn read(
    mut request: Request,
    streamed: impl FnOnce(&http::Request) -> bool,
) -> Result<(http::Request, Option<Request>), http::Response> {
    let mut plain = head(&request);
    if streamed(&plain) {
        return Ok((plain, Some(request)));
    }
    let announced = plain
        .headers
        .get("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    plain.body = read_body(&mut request).await?;
    Ok((plain, None))
}

/// A parameter of the query, decoded.
pub(super) fn parameter(request: &Request, name: &str) -> Option<String> {
    let url = request.inner().url();
    let (_, query) = url.split_once('?')?;
    let query = http::Request {
        query: query.to_owned(),
        ..http::Request::default()
    };
    query.query_value(name)
}

/// The request without its body.
fn head(request: &Request) -> http::Request {
    let headers: http::Headers = request.headers().entries().collect();
    let url = request.inner().url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let path = request.path();
    let origin = url.split_once("://").map_or("", |(scheme, behind)| {
        let host = behind.find('/').unwrap_or(behind.len());
        &url[..scheme.len() + "://".len() + host]
    });
    http::Request {
        method: request.inner().method(),
        origin: origin.to_owned(),
        path,
        query: query.to_owned(),
        headers,
        body: Vec::new(),
    }
}

/// The body, given up as soon as it is too large: it need not say how long it will be.
async fn read_body(request: &mut Request) -> Result<Vec<u8>, http::Response> {
    let mut body = Vec::new();
    if request.inner().body().is_none() {
        return Ok(body);
    }
    let broken_off = |_| message(400, "the body ended early");
    let mut chunks = request.stream().map_err(broken_off)?;
    while let Some(chunk) = chunks.try_next().await.map_err(broken_off)? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large() -> http::Response {
    message(413, "the body is larger than 4 MiB")
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
