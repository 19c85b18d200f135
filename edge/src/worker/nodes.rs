//! Calls to media nodes. Each has a time-out, and none fails: what is no answer is [`NodeAnswer::Unreachable`]. A node that
//! has changed to another token since it was heard of is shown what follows from that one.

use protocol::{Desired, Job, Refusal, RefusalCode, Report, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{AbortSignal, Fetch, Headers, Method, Request, RequestInit, console_error, web_sys};

use crate::recording::{Node, NodeAnswer};

/// For a node to check the bucket and start its recorder.
const JOB_LIMIT_MS: u64 = 12_000;
/// Above what a node is told to wait.
const DESIRED_LIMIT_MS: u64 = 5_000;

/// `keys`: what the node may want to be shown, in the order in which it is tried.
pub(super) async fn put_job(node: &Node, job: &Job, keys: &[Secret]) -> NodeAnswer {
    let address = format!("{}/v1/recordings/{}", node.url, job.sid);
    call(Method::Put, &address, job, JOB_LIMIT_MS, keys).await
}

/// `keys`: as for [`put_job`].
pub(super) async fn post_desired(
    node: &Node,
    sid: &str,
    desired: &Desired,
    wait_ms: u64,
    keys: &[Secret],
) -> NodeAnswer {
    let address = format!("{}/v1/recordings/{sid}/desired?wait_ms={wait_ms}", node.url);
    call(Method::Post, &address, desired, wait_ms + DESIRED_LIMIT_MS, keys).await
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
