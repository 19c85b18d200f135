//! How a recorder reaches a node: over its line, or at its address when it has none.

use protocol::line::{Desire, EdgeAsk, NodeAnswer as LineAnswer, OLDEST};
use protocol::{Desired, Fault, Job, RecorderKey, Refusal, RefusalCode, Secret};
use worker::{Env, console_error};

use crate::line::{Holding, Reply, Request};
use crate::recording::{Lost, Node, NodeAnswer};
use crate::worker::nodes;
use crate::worker::objects::ask::ask;
use crate::worker::objects::line_of::LineOf;
use crate::worker::objects::node::call_keys;

/// For a node to check the bucket and start its recorder.
const JOB_LIMIT_MS: u64 = 12_000;
/// Above what a node is told to wait.
const DESIRED_LIMIT_MS: u64 = 5_000;

/// The node's answer, and the number of the line that it has come over, if that has a lease.
pub(super) async fn send_job(node: &Node, job: &Job, env: &Env) -> (NodeAnswer, Option<u64>) {
    let question = EdgeAsk::Job(Box::new(job.clone()));
    let holding = Holding {
        recorder: job.recorder.clone(),
        sid: job.sid.clone(),
    };
    let oldest = job.spec.oldest_version();
    if let Some(answer) = over_line(node, &question, Some(holding), oldest, JOB_LIMIT_MS, env).await {
        return answer;
    }
    let answer = match address(node, env).await {
        Some(_) if oldest > OLDEST => without_line(),
        Some((url, keys)) => nodes::put_job(url, job, JOB_LIMIT_MS, &keys).await,
        None => NodeAnswer::Unreachable,
    };
    (answer, None)
}

/// A node without a line is older than what any version after the first has brought.
fn without_line() -> NodeAnswer {
    NodeAnswer::Refused(Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason: "it has no line at present, as nodes have that are too old for this recording".to_owned(),
    })
}

/// Whether the lease of this line is over, by which a node holds a recording, and when the node was last heard of;
/// `None` as well when nobody answers.
pub(super) async fn look(node_id: &str, line: u64, recorder: RecorderKey, sid: &str, env: &Env) -> Option<Lost> {
    let holding = Holding {
        recorder,
        sid: sid.to_owned(),
    };
    match ask::<LineOf>(env, node_id, &Request::Look { line, holding }).await {
        Ok(Reply::Looked { loss: Some(loss) }) => Some(Lost {
            node_id: node_id.to_owned(),
            line: loss.line,
            heard_ms: loss.heard_ms,
            reports: Vec::new(),
        }),
        Ok(_) | Err(_) => None,
    }
}

pub(super) async fn send_desired(node: &Node, sid: &str, desired: &Desired, wait_ms: u64, env: &Env) -> NodeAnswer {
    let limit_ms = wait_ms.saturating_add(DESIRED_LIMIT_MS);
    let question = EdgeAsk::Desired(Box::new(Desire {
        sid: sid.to_owned(),
        desired: desired.clone(),
        wait_ms,
    }));
    let oldest = desired.oldest_version();
    if let Some((answer, _)) = over_line(node, &question, None, oldest, limit_ms, env).await {
        return answer;
    }
    match address(node, env).await {
        // A node of this version may have its line again in a moment.
        Some(_) if oldest > OLDEST => NodeAnswer::Unreachable,
        Some((url, keys)) => nodes::post_desired(url, sid, desired, wait_ms, limit_ms, &keys).await,
        None => NodeAnswer::Unreachable,
    }
}

/// `None` when the node was not asked, for it has no line.
async fn over_line(
    node: &Node,
    question: &EdgeAsk,
    holding: Option<Holding>,
    oldest: u32,
    limit_ms: u64,
    env: &Env,
) -> Option<(NodeAnswer, Option<u64>)> {
    let ask_text = serde_json::to_string(question).ok()?;
    let request = Request::Ask {
        ask: ask_text,
        limit_ms,
        holding,
        oldest,
    };
    let (answer, line) = match ask::<LineOf>(env, &node.id, &request).await {
        Ok(Reply::NoLine) => return None,
        Ok(Reply::Answer { answer, line }) => (Some(answer), line),
        Ok(_) | Err(_) => (None, None),
    };
    let answer = match answer {
        Some(LineAnswer::Report(report)) => NodeAnswer::Report(report),
        Some(LineAnswer::Refused(refusal)) => NodeAnswer::Refused(refusal),
        Some(_) | None => {
            console_error!("no answer over the line of node {}", node.id);
            NodeAnswer::Unreachable
        }
    };
    Some((answer, line))
}

/// Where a node is called that has no line, and what it may want to be shown.
async fn address<'a>(node: &'a Node, env: &Env) -> Option<(&'a str, Vec<Secret>)> {
    let Some(url) = &node.url else {
        console_error!("node {} has no line at present, and no address", node.id);
        return None;
    };
    Some((url, call_keys(&node.id, env).await))
}
