//! How a recorder reaches a node: over its line, or at its address when it has none.

use protocol::line::{Desire, EdgeAsk, NodeAnswer as LineAnswer};
use protocol::{Desired, Job, Secret};
use worker::{Env, console_error};

use crate::line::{Reply, Request};
use crate::recording::{Node, NodeAnswer};
use crate::worker::nodes;
use crate::worker::objects::ask::ask;
use crate::worker::objects::line_of::LineOf;
use crate::worker::objects::node::call_keys;

/// For a node to check the bucket and start its recorder.
const JOB_LIMIT_MS: u64 = 12_000;
/// Above what a node is told to wait.
const DESIRED_LIMIT_MS: u64 = 5_000;

pub(super) async fn send_job(node: &Node, job: &Job, env: &Env) -> NodeAnswer {
    let question = EdgeAsk::Job(Box::new(job.clone()));
    if let Some(answer) = over_line(node, &question, JOB_LIMIT_MS, env).await {
        return answer;
    }
    match address(node, env).await {
        Some((url, keys)) => nodes::put_job(url, job, JOB_LIMIT_MS, &keys).await,
        None => NodeAnswer::Unreachable,
    }
}

pub(super) async fn send_desired(node: &Node, sid: &str, desired: &Desired, wait_ms: u64, env: &Env) -> NodeAnswer {
    let limit_ms = wait_ms.saturating_add(DESIRED_LIMIT_MS);
    let question = EdgeAsk::Desired(Box::new(Desire {
        sid: sid.to_owned(),
        desired: desired.clone(),
        wait_ms,
    }));
    if let Some(answer) = over_line(node, &question, limit_ms, env).await {
        return answer;
    }
    match address(node, env).await {
        Some((url, keys)) => nodes::post_desired(url, sid, desired, wait_ms, limit_ms, &keys).await,
        None => NodeAnswer::Unreachable,
    }
}

/// `None` when the node was not asked, for it has no line.
async fn over_line(node: &Node, question: &EdgeAsk, limit_ms: u64, env: &Env) -> Option<NodeAnswer> {
    let ask_text = serde_json::to_string(question).ok()?;
    let request = Request::Ask {
        ask: ask_text,
        limit_ms,
    };
    match ask::<LineOf>(env, &node.id, &request).await {
        Ok(Reply::NoLine) => None,
        Ok(Reply::Answer(LineAnswer::Report(report))) => Some(NodeAnswer::Report(report)),
        Ok(Reply::Answer(LineAnswer::Refused(refusal))) => Some(NodeAnswer::Refused(refusal)),
        Ok(Reply::Answer(_) | Reply::Unreachable | Reply::Closed) => {
            console_error!("no answer over the line of node {}", node.id);
            Some(NodeAnswer::Unreachable)
        }
        Err(_) => Some(NodeAnswer::Unreachable),
    }
}

/// Where a node is called that has no line, and what it may want to be shown.
async fn address<'a>(node: &'a Node, env: &Env) -> Option<(&'a str, Vec<Secret>)> {
    let Some(url) = &node.url else {
        console_error!("node {} has no line at present, and no address", node.id);
        return None;
    };
    Some((url, call_keys(&node.id, env).await))
}
