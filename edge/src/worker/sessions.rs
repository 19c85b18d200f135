//! `/whip`, `/whep` and their sessions: each call is asked of one node over its line.

use protocol::line::{EdgeAsk, OLDEST};
use worker::Env;

use super::objects::{FleetOf, LineOf, ask, carriers};
use crate::channel::ChannelKey;
use crate::fleet;
use crate::http::{Request, Response};
use crate::line;
use crate::rtc::{self, Wanted};

/// A node asks the edge who may enter, and begins a session.
const LIMIT_MS: u64 = 12_000;

pub(super) async fn answer(request: &Request, env: &Env) -> Response {
    let question = || {
        let source = request.headers.get("CF-Connecting-IP");
        rtc::question(request, source.and_then(|source| source.parse().ok()))
    };
    match rtc::wanted(request) {
        Wanted::Nobody(response) => *response,
        Wanted::Node(node_id) => {
            let answer = ask_node(&node_id, &question(), env).await;
            answer.unwrap_or_else(rtc::lost)
        }
        Wanted::Channel(channel) => begin(request, channel, &question(), env).await,
    }
}

async fn begin(request: &Request, channel: ChannelKey, question: &EdgeAsk, env: &Env) -> Response {
    let nodes = match ask::<FleetOf>(env, &(), &fleet::Request::Nodes).await {
        Ok(fleet::Reply::Nodes(nodes)) => nodes,
        Ok(_) | Err(_) => Vec::new(),
    };
    let carriers = carriers(channel, env).await;
    let region = request.query_value("region");
    let country = || request.headers.get("CF-IPCountry").map(str::to_owned);
    let region = region.or_else(country);
    let mut last = None;
    for node_id in rtc::order(&nodes, &carriers, region.as_deref()) {
        if let Some(response) = ask_node(&node_id, question, env).await {
            if !rtc::is_full(&response) {
                return response;
            }
            last = Some(response);
        }
    }
    last.unwrap_or_else(|| rtc::unanswered(!nodes.is_empty()))
}

/// `None` when the node does not answer, or cannot.
async fn ask_node(node_id: &str, question: &EdgeAsk, env: &Env) -> Option<Response> {
    let request = line::Request::Ask {
        ask: serde_json::to_string(question).ok()?,
        limit_ms: LIMIT_MS,
        holding: None,
        // One that does not know the question says so.
        oldest: OLDEST,
    };
    match ask::<LineOf>(env, node_id, &request).await {
        Ok(line::Reply::Answer { answer, .. }) => rtc::response(answer),
        Ok(_) | Err(_) => None,
    }
}
