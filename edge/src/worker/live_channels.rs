//! What the operator asks of all nodes at once.

use futures_util::future::join_all;
use protocol::line::{EdgeAsk, NodeAnswer, OLDEST};
use protocol::{LiveChannel, LiveQuestion, UserRemoval};
use worker::Env;

use super::objects::{FleetOf, LineOf, ask};
use crate::admin;
use crate::fleet;
use crate::http::Response;
use crate::line;

/// A node watches its streams for a second.
const LIMIT_MS: u64 = 8_000;

/// Who is in an app's channels. Nodes that do not answer, or are of an earlier version, are left out.
pub(super) async fn channels(app_id: String, channel: Option<String>, env: &Env) -> Response {
    let question = EdgeAsk::Live(LiveQuestion { app_id, channel });
    let answers = ask_all(&question, env).await;
    let Some(answers) = answers else {
        return admin::failure();
    };
    let live = |(node_id, answer): (String, NodeAnswer)| match answer {
        NodeAnswer::Live(channels) => Some((node_id, channels)),
        _ => None,
    };
    let told: Vec<(String, Vec<LiveChannel>)> = answers.into_iter().filter_map(live).collect();
    admin::channels(told)
}

/// Disconnects a user wherever they publish.
pub(super) async fn remove(removal: UserRemoval, env: &Env) -> Response {
    let uid = removal.uid.clone();
    let Some(answers) = ask_all(&EdgeAsk::Remove(removal), env).await else {
        return admin::failure();
    };
    let ended = answers.into_iter().map(|(_, answer)| match answer {
        NodeAnswer::Removed(streams) => streams,
        _ => 0,
    });
    admin::removed(&uid, ended.fold(0, u32::saturating_add))
}

/// The answers of the nodes that are alive, each with the node's id. `None` when it is not known which those are.
async fn ask_all(question: &EdgeAsk, env: &Env) -> Option<Vec<(String, NodeAnswer)>> {
    let Ok(fleet::Reply::Nodes(nodes)) = ask::<FleetOf>(env, &(), &fleet::Request::Nodes).await else {
        return None;
    };
    let request = line::Request::Ask {
        ask: serde_json::to_string(question).ok()?,
        limit_ms: LIMIT_MS,
        holding: None,
        oldest: OLDEST,
    };
    let request = &request;
    let asked = nodes.into_iter().filter(|node| node.alive).map(|node| async move {
        let node_id = node.row.node_id;
        match ask::<LineOf>(env, &node_id, request).await {
            Ok(line::Reply::Answer { answer, .. }) => Some((node_id, answer)),
            Ok(_) | Err(_) => None,
        }
    });
    Some(join_all(asked).await.into_iter().flatten().collect())
}
