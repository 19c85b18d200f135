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
            let list = processes(&servers).into_iter().map(|process| {
                let cpu = (process.load * 100.0).round() as u64;
                json!({ "workPid": process.pid, "cpu": cpu })
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

/// What the API calls a worker process: a thread of a server's that carries media.
struct Process<'a> {
    pid: u64,
    server: &'a Server,
    load: f64,
}

/// Between the numbers of two servers: above the threads that each tells of.
const PIDS_OF_SERVER: u64 = 1_000;

/// The processes of all servers, numbered by the servers' names. A server that tells of no threads counts as one process.
fn processes(all: &[ServerView]) -> Vec<Process<'_>> {
    let mut by_name: Vec<_> = all.iter().collect();
    by_name.sort_by(|left, right| left.server.alias.cmp(&right.server.alias));
    let numbered = (1_u64..).zip(by_name).flat_map(|(number, view)| {
        let first = number * PIDS_OF_SERVER;
        let whole = view.threads.is_empty().then_some((first, view.load));
        let threads = (first + 1..).zip(view.threads.iter().copied());
        let of_server = |(pid, load)| Process {
            pid,
            server: &view.server,
            load,
        };
        whole.into_iter().chain(threads).map(of_server).collect::<Vec<_>>()
    });
    numbered.collect()
}

pub(super) fn has_process(all: &[ServerView], server: &Server, pid: u64) -> bool {
    let mut processes = processes(all).into_iter();
    processes.any(|process| process.pid == pid && process.server.alias == server.alias)
}
