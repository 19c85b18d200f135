use serde_json::{Map, Value, json};

use super::code::ApiError;
use super::reply;
use crate::access::App;
use crate::dialect::step::{Step, Visit};
use crate::room::{self, Ask, Problem, Random, ServerView, Told, View, lobby};

/// A call by somebody who may use the app, with all that it takes to answer it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) app: App,
    /// Where clients reach this server, without a slash at its end.
    pub(super) public_url: String,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
    pub(super) random: Random,
}

impl Asked {
    /// Asks a room. What is no id of a room has no object.
    pub(super) fn try_room(
        self,
        room_id: &str,
        request: room::Request,
        next: impl FnOnce(Self, Result<room::Reply, ApiError>) -> Step + 'static,
    ) -> Step {
        if room::ids::number_of(room_id).is_none() {
            return next(self, Err(Problem::NoRoom.into()));
        }
        let question = room::Question {
            room_id: room_id.to_owned(),
            app_id: self.app.app_id.clone(),
            request,
        };
        Step::Room(Box::new(Visit::new(Ask::Room(question), move |told| {
            let answer = match told {
                Some(Told::Room(room::Reply::Denied(problem))) => Err(problem.into()),
                Some(Told::Room(reply)) => Ok(reply),
                _ => Err(ApiError::unanswered()),
            };
            next(self, answer)
        })))
    }

    /// As [`Self::try_room`]; what the room denies is the answer.
    pub(super) fn room(
        self,
        room_id: &str,
        request: room::Request,
        next: impl FnOnce(Self, room::Reply) -> Step + 'static,
    ) -> Step {
        self.try_room(room_id, request, |asked, answer| match answer {
            Ok(answer) => next(asked, answer),
            Err(error) => reply::failure(error),
        })
    }

    /// Has a room do something that has no other answer.
    pub(super) fn order(self, room_id: &str, request: room::Request) -> Step {
        self.room(room_id, request, |_, _| reply::done())
    }

    pub(super) fn look(self, room_id: &str, next: impl FnOnce(Self, View) -> Step + 'static) -> Step {
        self.room(room_id, room::Request::Look, |asked, reply| match reply {
            room::Reply::View(view) => next(asked, *view),
            _ => reply::failure(ApiError::unanswered()),
        })
    }

    pub(super) fn lobby(
        self,
        request: lobby::Request,
        next: impl FnOnce(Self, lobby::Reply) -> Step + 'static,
    ) -> Step {
        let app_id = self.app.app_id.clone();
        let ask = Ask::Lobby(lobby::Question { app_id, request });
        Step::Room(Box::new(Visit::new(ask, move |told| match told {
            Some(Told::Lobby(lobby::Reply::Denied(problem))) => reply::failure(problem),
            Some(Told::Lobby(reply)) => next(self, reply),
            _ => reply::failure(ApiError::unanswered()),
        })))
    }

    /// All servers that are there, the least loaded first.
    pub(super) fn servers(self, next: impl FnOnce(Self, Vec<ServerView>) -> Step + 'static) -> Step {
        Step::Room(Box::new(Visit::new(Ask::Servers, move |told| match told {
            Some(Told::Servers(servers)) => next(self, servers),
            _ => reply::failure(ApiError::unanswered()),
        })))
    }

    /// As [`Self::servers`], those alone that the app may be put on.
    pub(super) fn usable_servers(self, next: impl FnOnce(Self, Vec<room::Server>) -> Step + 'static) -> Step {
        self.lobby(lobby::Request::Recycled, |asked, reply| {
            let lobby::Reply::Nodes(recycled) = reply else {
                return reply::failure(ApiError::unanswered());
            };
            asked.servers(move |asked, servers| {
                let usable = servers
                    .into_iter()
                    .filter(|view| view.takes && !recycled.contains(&view.server.node_id));
                next(asked, usable.map(|view| view.server).collect())
            })
        })
    }

    /// How clients reach a server: `place` is the part of the path that names it.
    pub(super) fn server_url(&self, place: &str) -> String {
        let behind = self.public_url.strip_prefix("http").unwrap_or_default();
        format!("ws{behind}/{place}")
    }

    /// `host:port` of a server; of one that is reached by this one alone, this one's.
    pub(super) fn address(&self, server: &room::Server) -> String {
        if !server.address.is_empty() {
            return server.address.clone();
        }
        let (scheme, host) = self.public_url.split_once("://").unwrap_or_default();
        match host.rsplit_once(':') {
            Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
            _ => format!("{host}:{}", if scheme == "https" { 443 } else { 80 }),
        }
    }

    /// What most answers say of a server.
    pub(super) fn place(&self, server: &room::Server, url: Option<&str>) -> Map<String, Value> {
        let mut fields = Map::new();
        if let Some(place) = url {
            fields.insert("serverUrl".to_owned(), self.server_url(place).into());
        }
        fields.insert("serverAddress".to_owned(), self.address(server).into());
        fields.insert("serverAlias".to_owned(), server.alias.clone().into());
        fields
    }

    /// A server as the calls show it that ask for one.
    pub(super) fn server(&self, server: &room::Server, place: &str) -> Map<String, Value> {
        let mut fields = self.place(server, Some(place));
        fields.insert("name".to_owned(), json!(""));
        fields
    }
}
