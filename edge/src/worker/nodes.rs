//! Calls to media nodes that have no line, those of an older version. Each has a time-out, and none fails: what is no answer is [`NodeAnswer::Unreachable`]. A node that
//! has changed to another token since it was heard of is shown what follows from that one.

use protocol::{Desired, Job, Refusal, RefusalCode, Report, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{AbortSignal, Fetch, Headers, Method, Request, RequestInit, console_error, web_sys};

use crate::recording::NodeAnswer;

/// `keys`: what the node may want to be shown, in the order in which it is tried.
pub(super) async fn put_job(url: &str, job: &Job, limit_ms: u64, keys: &[Secret]) -> NodeAnswer {
    let address = format!("{url}/v1/recordings/{}", job.sid);
    call(Method::Put, &address, job, limit_ms, keys).await
}

/// `keys`: as for [`put_job`].
pub(super) async fn post_desired(
    url: &str,
    sid: &str,
    desired: &Desired,
    wait_ms: u64,
    limit_ms: u64,
    keys: &[Secret],
) -> NodeAnswer {
    let address = format!("{url}/v1/recordings/{sid}/desired?wait_ms={wait_ms}");
    call(Method::Post, &address, desired, limit_ms, keys).await
}

async fn call(method: Method, address: &str, body: &impl Serialize, limit_ms: u64, keys: &[Secret]) -> NodeAnswer {
    let mut last = NodeAnswer::Unreachable;
    for key in keys {
        last = answer(address, send(method.clone(), address, body, key, limit_ms).await);
        let is_stranger = matches!(&last, NodeAnswer::Refused(refusal) if refusal.code == RefusalCode::Unauthorized);
        if !is_stranger {
            break;
        }
    }
    last
}

fn answer(address: &str, sent: worker::Result<(u16, Vec<u8>)>) -> NodeAnswer {
    let answer = sent
        .map_err(|error| error.to_string())
        .and_then(|(status, body)| match status {
            200..300 => parse::<Report>(&body).map(|report| NodeAnswer::Report(Box::new(report))),
            _ => parse::<Refusal>(&body)
                .map(NodeAnswer::Refused)
                .map_err(|error| format!("status {status}: {error}")),
        });
    answer.unwrap_or_else(|error| {
        console_error!("no answer from {address}: {error}");
        NodeAnswer::Unreachable
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

async fn send(
    method: Method,
    address: &str,
    body: &impl Serialize,
    token: &Secret,
    limit_ms: u64,
) -> worker::Result<(u16, Vec<u8>)> {
    let headers = Headers::new();
    headers.set("Authorization", &format!("Bearer {}", token.expose()))?;
    headers.set("Content-Type", "application/json")?;
    let mut init = RequestInit::new();
    init.with_method(method)
        .with_headers(headers)
        .with_body(Some(serde_json::to_string(body)?.into()));
    let request = Request::new_with_init(address, &init)?;
    let limit_ms = u32::try_from(limit_ms).unwrap_or(u32::MAX);
    let limit = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(limit_ms));
    let mut response = Fetch::Request(request).send_with_signal(&limit).await?;
    Ok((response.status_code(), response.bytes().await?))
}
