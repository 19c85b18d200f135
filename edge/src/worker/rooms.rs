//! Clients of rooms, whose sockets are handed to the room's object, and what customers' calls ask of rooms.

use worker::{Env, Request, Response};

use super::objects::{FleetOf, LobbyOf, RoomOf, ask, counting, open};
use super::{REQUEST_ID, bindings, transport};
use crate::fleet;
use crate::metrics::Route;
use crate::room::{Ask, Told, ids, servers};

/// The room that a request opens a WebSocket to.
pub(super) fn opened(request: &Request) -> Option<String> {
    let upgrades = matches!(request.headers().get("Upgrade"), Ok(Some(_)));
    upgrades.then(|| ids::of_path(&request.path())).flatten()
}

pub(super) async fn answer(room_id: &str, request: Request, env: &Env) -> worker::Result<Response> {
    match open::<RoomOf>(env, room_id, request).await {
        Ok(response) => {
            counting::answered(Route::Room, response.status_code());
            Ok(response)
        }
        Err(_) => {
            counting::answered(Route::Room, 500);
            let response = transport::message(500, "The room's object does not answer");
            transport::write(response.with_header(REQUEST_ID, &bindings::request_id()))
        }
    }
}

/// `None` when it could not be asked.
pub(super) async fn told(question: Ask, env: &Env) -> Option<Told> {
    match question {
        Ask::Room(question) => {
            let reply = ask::<RoomOf>(env, &question.room_id, &question).await;
            reply.ok().map(Told::Room)
        }
        Ask::Lobby(question) => {
            let reply = ask::<LobbyOf>(env, &question.app_id, &question).await;
            reply.ok().map(Told::Lobby)
        }
        Ask::Servers => match ask::<FleetOf>(env, &(), &fleet::Request::Nodes).await {
            Ok(fleet::Reply::Nodes(nodes)) => Some(Told::Servers(servers(&nodes))),
            Ok(_) | Err(_) => None,
        },
    }
}
