//! Servers, which are the deployment's media nodes.

use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::code::{ApiError, PARAMETER};
use super::reply;
use super::route::OfServer;
use crate::dialect::step::Step;
use crate::http::Request;
use crate::input::Fields;
use crate::room::{Problem, Server, ServerView, lobby};

/// A call that has been read.
pub(super) enum Plan {
    LeastLoad,
    RoomCount,
    Load,
    Recycle { alias: Option<String>, again: bool },
    Block { user_id: String },
}

impl Plan {
    pub(super) fn read(call: OfServer, request: &Request) -> Result<Self, ApiError> {
        Ok(match call {
            OfServer::LeastLoad => Self::LeastLoad,
            OfServer::RoomCount => Self::RoomCount,
            OfServer::Load => Self::Load,
            OfServer::Block { peer_id } => Self::Block { user_id: peer_id },
            OfServer::Recycle => {
                let body: Map<String, Value> = super::params::fields(request)?;
                let fields = Fields::new(&body);
                Self::Recycle {
                    alias: fields.string("serverAlias")?.map(str::to_owned),
                    again: fields.boolean("recycle")? == Some(false),
                }
            }
        })
    }
}

pub(super) fn call(asked: Asked, plan: Plan) -> Step {
    match plan {
        Plan::LeastLoad => least_loaded(asked, Problem::NoServer.into()),
        Plan::RoomCount => asked.lobby(lobby::Request::Count, |_, answer| match answer {
            lobby::Reply::Count(num) => reply::success(json!({ "num": num })),
            _ => reply::failure(ApiError::unanswered()),
        }),
        Plan::Load => asked.servers(|_, servers| {
            let mut processes: Vec<_> = servers
                .iter()
                .filter_map(|view| Some((process(&servers, &view.server)?, view.load)))
                .collect();
            processes.sort_by_key(|(pid, _)| *pid);
            let list = processes.into_iter().map(|(pid, load)| {
                let cpu = (load * 100.0).round() as u64;
                json!({ "workPid": pid, "cpu": cpu })
            });
            reply::success(list.collect())
        }),
        Plan::Block { user_id } => asked.lobby(lobby::Request::Block { user_id }, |_, _| reply::done()),
        Plan::Recycle { alias, again } => asked.servers(move |asked, servers| {
            let mut named = servers
                .iter()
                .filter(|view| alias.as_ref().is_none_or(|alias| *alias == view.server.alias));
            match (named.next(), named.next()) {
                (Some(view), None) => {
                    let node_id = view.server.node_id.clone();
                    asked.lobby(lobby::Request::Recycle { node_id, again }, |_, _| reply::done())
                }
                (None, _) => reply::failure(ApiError::new(PARAMETER, "serverAlias names no server")),
                (Some(_), Some(_)) => reply::failure(ApiError::new(
                    PARAMETER,
                    "serverAlias is required: there are several servers",
                )),
            }
        }),
    }
}

/// The server with the least load.
pub(super) fn least_loaded(asked: Asked, none: ApiError) -> Step {
    asked.usable_servers(|asked, servers| match servers.first() {
        Some(server) => reply::success(asked.server(server, "").into()),
        None => reply::failure(none),
    })
}

/// The number of a server's process: its place among all servers by name.
fn process(all: &[ServerView], server: &Server) -> Option<u64> {
    let mut aliases: Vec<_> = all.iter().map(|view| view.server.alias.as_str()).collect();
    aliases.sort_unstable();
    let place = aliases.iter().position(|alias| *alias == server.alias)?;
    u64::try_from(place).ok().map(|place| place + 1)
}

pub(super) fn has_process(all: &[ServerView], server: &Server, pid: u64) -> bool {
    process(all, server) == Some(pid)
}
