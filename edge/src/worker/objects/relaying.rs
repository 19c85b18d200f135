//! What nodes are told of one another, with what they need to read from one another.

use protocol::line::{EdgeAsk, NodeAnswer, OLDEST};
use protocol::{ChannelCarrier, Elsewhere, Secret};
use worker::{Env, console_error};

use super::ask::ask;
use super::line_of::LineOf;
use crate::access::KeyRing;
use crate::channel::{ChannelKey, Standing};
use crate::line::{Reply, Request};
use crate::worker::bindings::{self, Misconfigured};

/// How long a token is good for. Nodes ask anew well before.
const TOKEN_S: u64 = 24 * 3_600;
/// For a node to take note of something.
const LIMIT_MS: u64 = 5_000;

/// Tells a follower where a channel lives. False when it did not hear of it.
pub(super) async fn tell(node_id: &str, channel: &ChannelKey, standing: Standing, env: &Env) -> bool {
    let Ok(elsewhere) = elsewhere(channel, standing, env) else {
        return false;
    };
    let Ok(ask_text) = serde_json::to_string(&EdgeAsk::Elsewhere(elsewhere)) else {
        return false;
    };
    let request = Request::Ask {
        ask: ask_text,
        limit_ms: LIMIT_MS,
        holding: None,
        oldest: OLDEST,
    };
    matches!(
        ask::<LineOf>(env, node_id, &request).await,
        Ok(Reply::Answer {
            answer: NodeAnswer::Noted,
            ..
        })
    )
}

pub(super) fn elsewhere(channel: &ChannelKey, standing: Standing, env: &Env) -> Result<Elsewhere, Misconfigured> {
    let keys = keys(env)?;
    let until_s = bindings::now_ms() / 1_000 + TOKEN_S;
    let carrier = |(node_id, address, users): (String, String, _)| ChannelCarrier {
        token: keys
            .relay_key(&node_id)
            .token(&channel.app_id, &channel.channel, until_s),
        node_id,
        address,
        users,
    };
    Ok(Elsewhere {
        app_id: channel.app_id.clone(),
        channel: channel.channel.clone(),
        version: standing.version,
        heard: standing.heard,
        carriers: standing.carriers.into_iter().map(carrier).collect(),
    })
}

/// What a node knows others by.
pub(super) fn key_of(node_id: &str, env: &Env) -> Result<Secret, Misconfigured> {
    Ok(keys(env)?.relay_key(node_id).text().clone())
}

fn keys(env: &Env) -> Result<KeyRing, Misconfigured> {
    bindings::seal_keys(env).inspect_err(|error| console_error!("nodes cannot read from one another: {error}"))
}
