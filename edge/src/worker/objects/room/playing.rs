//! How a node is asked to play a file of the app's own store into a room.

use protocol::line::{EdgeAsk, NodeAnswer, OLDEST};
use protocol::{Fault, PlaybackState, Refusal, RefusalCode, Storage};
use worker::{Env, console_error};

use crate::line;
use crate::room::{self, Playback, Played};
use crate::worker::apps;
use crate::worker::objects::ask::ask;
use crate::worker::objects::line_of::LineOf;

/// A node has to fetch the file before it can begin.
const WAIT_MS: u64 = 15_000;
/// Above that.
const LIMIT_MS: u64 = 5_000;

/// What nodes are asked, with the store's keys.
///
/// # Errors
/// Why the file cannot be had.
pub(super) async fn question(
    app_id: String,
    room_id: String,
    uid: String,
    playback: &Playback,
    is_over: bool,
    env: &Env,
) -> Result<protocol::Playback, Refusal> {
    let app = apps::find(&app_id, env).await.map_err(Refusal::internal)?;
    let own = app.as_ref().and_then(|app| app.house_storage.as_ref());
    let store = own.and_then(|own| own.find(&playback.store));
    let store = store.ok_or_else(|| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason: "the recording's store is none of the app's any more".to_owned(),
    })?;
    Ok(protocol::Playback {
        id: room_id.clone(),
        app_id,
        channel: room_id,
        uid,
        from: Storage {
            prefix: String::new(),
            ..store.clone()
        },
        key: playback.key.clone(),
        bytes: playback.bytes,
        starts_ms: playback.starts_ms,
        ends_ms: playback.ends_ms,
        is_looped: playback.looped,
        is_over,
        wait_ms: if is_over { 0 } else { WAIT_MS },
    })
}

/// Asks this node, or if it cannot, the best that can; `None` when nobody answers.
pub(super) async fn ask_for(
    node_id: String,
    question: Result<protocol::Playback, Refusal>,
    env: &Env,
) -> Option<Played> {
    let question = match question {
        Ok(question) => question,
        Err(refusal) => {
            console_error!("a room shows no file: {}", refusal.reason);
            return Some(Played {
                node_id,
                server: None,
                state: PlaybackState::Failed(refusal),
            });
        }
    };
    let first = node(&node_id, &question, env).await;
    if question.is_over || first.as_ref().is_some_and(|state| !is_elsewhere_better(state)) {
        return first.map(|state| Played {
            node_id,
            server: None,
            state,
        });
    }
    for other in super::reach::others(&node_id, &question.app_id, &question.channel, env).await {
        if let Some(state) = node(&other.row.node_id, &question, env).await
            && !is_elsewhere_better(&state)
        {
            return Some(Played {
                node_id: other.row.node_id.clone(),
                server: Some(room::server(&other)),
                state,
            });
        }
    }
    first.map(|state| Played {
        node_id,
        server: None,
        state,
    })
}

/// Whether another node may do what this one cannot.
fn is_elsewhere_better(state: &PlaybackState) -> bool {
    match state {
        PlaybackState::Failed(refusal) => refusal.fault == Fault::Ours,
        _ => false,
    }
}

async fn node(node_id: &str, question: &protocol::Playback, env: &Env) -> Option<PlaybackState> {
    let request = line::Request::Ask {
        ask: serde_json::to_string(&EdgeAsk::Playback(Box::new(question.clone()))).ok()?,
        limit_ms: question.wait_ms + LIMIT_MS,
        holding: None,
        // One that does not know the question says so.
        oldest: OLDEST,
    };
    let answer = match ask::<LineOf>(env, node_id, &request).await {
        Ok(line::Reply::Answer { answer, .. }) => answer,
        Ok(_) | Err(_) => return None,
    };
    let state = match answer {
        NodeAnswer::Playback(state) => *state,
        NodeAnswer::Refused(refusal) => PlaybackState::Failed(refusal),
        _ => return None,
    };
    if let PlaybackState::Failed(refusal) = &state {
        console_error!("node {node_id} does not play {}: {}", question.key, refusal.reason);
    }
    Some(state)
}
