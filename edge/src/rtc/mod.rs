//! Publishing and playing by WebRTC (WHIP and WHEP) as the edge has part in it: which node a call goes to, in which words, and
//! what is answered. Media goes straight to the node. It knows neither how a node is reached nor who may enter a channel, which
//! the node asks the edge about as for every other protocol.

mod nodes;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use protocol::line::{EdgeAsk, NodeAnswer};
use protocol::{RTC_CORS, RTC_SESSIONS, RtcCall, RtcReply, Secret, rtc_options};

use crate::channel::ChannelKey;
use crate::http::{Request, Response};
pub use nodes::order;

/// Longer offers are none.
const MAX_BODY_BYTES: usize = 64 << 10;
/// Longer names are no app's, channel's or node's.
const MAX_NAME_BYTES: usize = 255;

/// Who is to answer a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This node, which has the session.
    Node(String),
    /// The best node for this channel.
    Channel(ChannelKey),
    /// The edge itself.
    Nobody(Box<Response>),
}

/// Whether a path is of WHIP, WHEP or one of their sessions.
pub fn is_path(path: &str) -> bool {
    ["/whip/", "/whep/", RTC_SESSIONS]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

/// Who is to answer a call whose path [`is_path`].
pub fn wanted(request: &Request) -> Wanted {
    let respond = |response| Wanted::Nobody(Box::new(response));
    if request.method == "OPTIONS" {
        return respond(preflight(&request.path));
    }
    if request.body.len() > MAX_BODY_BYTES {
        return respond(problem(413, "The body is longer than 64 KiB, which no offer is"));
    }
    if let Some(session) = request.path.strip_prefix(RTC_SESSIONS) {
        return match name(session.split('/').next()) {
            Some(node) => Wanted::Node(node),
            None => respond(problem(404, "There is no such session, or not any more")),
        };
    }
    let mut parts = request.path.split('/').skip(1);
    let mut next = || name(parts.next());
    match (next(), next(), next()) {
        (Some(_), Some(app_id), Some(channel)) => Wanted::Channel(ChannelKey { app_id, channel }),
        _ => respond(problem(
            404,
            "Publish to /whip/{app}/{channel}/{uid}, play from /whep/{app}/{channel}/{uid}",
        )),
    }
}

/// A part of a path, decoded.
fn name(part: Option<&str>) -> Option<String> {
    let decoded = percent_decode_str(part?).decode_utf8().ok()?;
    (1..=MAX_NAME_BYTES)
        .contains(&decoded.len())
        .then(|| decoded.into_owned())
}

/// The call as a node is asked it. `source`: who calls.
pub fn question(request: &Request, source: Option<IpAddr>) -> EdgeAsk {
    let header = |name: &str| request.headers.get(name).map(str::to_owned);
    EdgeAsk::Rtc(Box::new(RtcCall {
        method: request.method.clone(),
        path: request.path.clone(),
        query: Secret::new(request.query.as_str()),
        authorization: header("Authorization").map(Secret::new),
        content_type: header("Content-Type"),
        if_match: header("If-Match"),
        body: String::from_utf8_lossy(&request.body).into_owned(),
        source,
    }))
}

/// A node's answer as the client gets it; `None` when the node cannot answer, and another one is to be asked.
pub fn response(answer: NodeAnswer) -> Option<Response> {
    match answer {
        NodeAnswer::Rtc(reply) => Some(whole(*reply)),
        _ => None,
    }
}

/// Whether another node may do what this one cannot.
pub fn is_full(response: &Response) -> bool {
    response.status == 503
}

/// When no node has answered.
pub fn unanswered(has_nodes: bool) -> Response {
    let reason = match has_nodes {
        true => {
            "No media node that is there serves WebRTC: set TAPEDECK_RTC_LISTEN at one that browsers can reach, and update older ones"
        }
        false => "No media node is there",
    };
    problem(503, reason).with_header("Retry-After", "5")
}

/// When the node of a session does not answer.
pub fn lost() -> Response {
    problem(
        503,
        "The node that has the session does not answer: try again, or begin another session",
    )
    .with_header("Retry-After", "2")
}

fn whole(reply: RtcReply) -> Response {
    let mut response = Response {
        body: reply.body.into_bytes(),
        ..Response::empty(reply.status)
    };
    for (name, value) in reply.headers {
        response.headers.push(name, value);
    }
    response
}

fn preflight(path: &str) -> Response {
    for_any_origin(with(Response::empty(204), rtc_options(path)))
}

/// As RFC 9457 writes it.
fn problem(status: u16, reason: &str) -> Response {
    let body = serde_json::json!({ "status": status, "detail": reason });
    for_any_origin(Response::text(status, "application/problem+json", body.to_string()))
}

fn for_any_origin(response: Response) -> Response {
    with(response, RTC_CORS)
}

fn with<const N: usize>(response: Response, headers: [(&str, &str); N]) -> Response {
    let add = |response: Response, (name, value): (&str, &str)| response.with_header(name, value);
    headers.into_iter().fold(response, add)
}
