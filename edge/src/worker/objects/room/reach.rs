//! Whom a room asks: nodes, other rooms, the app's lobby, the directory.

use futures_util::future::join_all;
use protocol::line::{EdgeAsk, NodeAnswer, OLDEST};
use protocol::{EntryAnswer, EntryQuestion, RoomAsk, RoomRefusal, RoomReply, UserRemoval};
use worker::{Env, console_error};

use crate::access::{self, Directory};
use crate::channel::ChannelKey;
use crate::fleet::{self, NodeView};
use crate::line;
use crate::room::{self, Answered, Join, May, Wanted, lobby};
use crate::rtc;
use crate::worker::bindings;
use crate::worker::objects::ask::ask;
use crate::worker::objects::channel_questions::{carriers, users};
use crate::worker::objects::fleet_of::FleetOf;
use crate::worker::objects::line_of::LineOf;
use crate::worker::objects::lobby::LobbyOf;
use crate::worker::objects::room_of::RoomOf;

/// A node makes keys and looks for addresses.
const LIMIT_MS: u64 = 8_000;

/// Asks the node that is wanted, or where that may be another one, the best that takes a connection.
pub(super) async fn media(wanted: Wanted, question: RoomAsk, env: &Env) -> Answered {
    let (node_id, may_differ) = match wanted {
        Wanted::Only(node_id) => (node_id, false),
        Wanted::Rather(node_id) => (node_id, true),
    };
    let first = node(&node_id, &question, env).await;
    if !may_differ || !is_full(first.as_ref()) {
        return answered(node_id, None, first);
    }
    let others = others(&node_id, &question.app_id, &question.room_id, env).await;
    for other in others {
        let reply = node(&other.row.node_id, &question, env).await;
        if !is_full(reply.as_ref()) {
            let server = Some(room::server(&other));
            return answered(other.row.node_id, server, reply);
        }
    }
    answered(node_id, None, first)
}

pub(super) async fn tell(node_id: String, question: RoomAsk, env: &Env) -> Answered {
    let reply = node(&node_id, &question, env).await;
    answered(node_id, None, reply)
}

fn answered(node_id: String, server: Option<room::Server>, reply: Option<RoomReply>) -> Answered {
    match reply {
        Some(reply) => Answered::By { node_id, server, reply },
        None => Answered::Nobody,
    }
}

/// Whether another node may do what this one cannot.
fn is_full(reply: Option<&RoomReply>) -> bool {
    match reply {
        None => true,
        Some(RoomReply::Refused { code, .. }) => *code == RoomRefusal::Full,
        Some(_) => false,
    }
}

pub(super) async fn others(but: &str, app_id: &str, room_id: &str, env: &Env) -> Vec<NodeView> {
    let Ok(fleet::Reply::Nodes(mut nodes)) = ask::<FleetOf>(env, &(), &fleet::Request::Nodes).await else {
        return Vec::new();
    };
    let recycled = recycled(app_id, env).await;
    nodes.retain(|node| node.row.node_id != but && !recycled.contains(&node.row.node_id));
    let channel = ChannelKey {
        app_id: app_id.to_owned(),
        channel: room_id.to_owned(),
    };
    let carriers = carriers(channel, env).await;
    let order = rtc::order(&nodes, &carriers, None);
    let find = |node_id: &String| nodes.iter().find(|node| node.row.node_id == *node_id).cloned();
    order.iter().filter_map(find).collect()
}

async fn recycled(app_id: &str, env: &Env) -> Vec<String> {
    match ask_lobby(app_id, lobby::Request::Recycled, env).await {
        Some(lobby::Reply::Nodes(nodes)) => nodes,
        _ => Vec::new(),
    }
}

/// `None` when the node does not answer, or cannot.
async fn node(node_id: &str, question: &RoomAsk, env: &Env) -> Option<RoomReply> {
    let request = line::Request::Ask {
        ask: serde_json::to_string(&EdgeAsk::Room(Box::new(question.clone()))).ok()?,
        limit_ms: LIMIT_MS,
        holding: None,
        // One that does not know the question says so.
        oldest: OLDEST,
    };
    match ask::<LineOf>(env, node_id, &request).await {
        Ok(line::Reply::Answer {
            answer: NodeAnswer::Room(reply),
            ..
        }) => Some(*reply),
        Ok(line::Reply::Answer {
            answer: NodeAnswer::Refused(refusal),
            ..
        }) => {
            console_error!("node {node_id} takes no room: {}", refusal.reason);
            None
        }
        Ok(_) | Err(_) => None,
    }
}

/// Whether somebody may be let into a room, whatever the room itself says to it.
pub(super) async fn admit(app_id: &str, room_id: &str, join: &Join, env: &Env) -> Result<May, String> {
    let failed = || "the server failed: try again".to_owned();
    let user_id = join.peer_id.clone();
    match ask_lobby(app_id, lobby::Request::Admit { user_id }, env).await {
        Some(lobby::Reply::Admitted(true)) => {}
        Some(_) => return Err("the user is blocked".to_owned()),
        None => return Err(failed()),
    }
    let store = bindings::directory(env).map_err(|_| failed())?;
    let keys = bindings::seal_keys(env).map_err(|_| failed())?;
    let app = Directory::new(&store, &keys).app(app_id).await;
    let app = app.map_err(|error| {
        console_error!("{error}");
        failed()
    })?;
    let question = EntryQuestion {
        node_id: String::new(),
        app_id: app_id.to_owned(),
        channel: room_id.to_owned(),
        uid: join.peer_id.clone(),
        own_uid: None,
        token: join.token.clone(),
    };
    match access::enter(app.as_ref(), &question, bindings::now_ms()) {
        EntryAnswer::Open => Ok(May::ALL),
        EntryAnswer::Granted(rights) => {
            let may = May {
                play: rights.play_ms > 0,
                audio: rights.publish_audio_ms > 0,
                video: rights.publish_video_ms > 0,
            };
            match may.is_nothing() {
                true => Err("the channel token allows nothing here".to_owned()),
                false => Ok(may),
            }
        }
        EntryAnswer::Refused { reason } => Err(reason),
    }
}

/// Whether a user publishes to the room's channel by whatever protocol, at whatever node.
pub(super) async fn publishes(app_id: String, room_id: String, uid: &str, env: &Env) -> bool {
    let channel = ChannelKey {
        app_id,
        channel: room_id,
    };
    let users = users(channel, env).await;
    users.iter().any(|user| user.uid == uid)
}

/// Who publishes to the room's channel by whatever protocol, at whatever node.
pub(super) async fn publishers(app_id: String, room_id: String, env: &Env) -> Vec<room::Publisher> {
    let channel = ChannelKey {
        app_id,
        channel: room_id,
    };
    room::publishers(users(channel, env).await)
}

/// Disconnects a user from the room's channel. A node that does not hear of it goes on: whoever wants that asks again.
pub(super) async fn disconnect(app_id: String, room_id: String, user_id: String, env: &Env) {
    let removal = UserRemoval {
        app_id: app_id.clone(),
        channel: room_id.clone(),
        uid: user_id,
    };
    let Ok(text) = serde_json::to_string(&EdgeAsk::Remove(removal)) else {
        return;
    };
    let request = line::Request::Ask {
        ask: text,
        limit_ms: LIMIT_MS,
        holding: None,
        oldest: OLDEST,
    };
    let channel = ChannelKey {
        app_id,
        channel: room_id,
    };
    let nodes = carriers(channel, env).await;
    let told = nodes.iter().map(|node_id| ask::<LineOf>(env, node_id, &request));
    join_all(told).await;
}

pub(super) async fn ask_lobby(app_id: &str, request: lobby::Request, env: &Env) -> Option<lobby::Reply> {
    let question = lobby::Question {
        app_id: app_id.to_owned(),
        request,
    };
    ask::<LobbyOf>(env, app_id, &question).await.ok()
}

/// Tells another room something. False when it did not hear of it; one that is over has.
pub(super) async fn room(app_id: String, room_id: &str, request: room::Request, env: &Env) -> bool {
    let question = room::Question {
        room_id: room_id.to_owned(),
        app_id,
        request,
    };
    let reply = ask::<RoomOf>(env, room_id, &question).await;
    matches!(
        reply,
        Ok(room::Reply::Done | room::Reply::Denied(room::Problem::NoRoom))
    )
}
