//! What is asked of one room.

use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::code::{ApiError, PARAMETER};
use super::params::{max_bitrate, message, user, users};
use super::record;
use super::reply;
use super::route::OfRoom;
use crate::dialect::step::Step;
use crate::http::Request as HttpRequest;
use crate::input::Fields;
use crate::room::{Kind, Problem, Reply, Request, View, lobby};

/// A call that has been read.
pub(super) enum Plan {
    Look,
    Exists,
    End,
    Order(Request),
    Has(String),
    Mirror { alias: String, pid: Option<u64> },
    Mirrors,
    Raised,
    Merge { other: String },
    Merged,
    Leave { peer_id: String },
    Separate { other: String },
    RecordStatus,
}

impl Plan {
    pub(super) fn read(call: OfRoom, request: &HttpRequest) -> Result<Self, ApiError> {
        let body = || super::params::fields(request);
        Ok(match call {
            OfRoom::Look => Self::Look,
            OfRoom::Exists => Self::Exists,
            OfRoom::End => Self::End,
            OfRoom::Has { peer_id } => Self::Has(peer_id),
            OfRoom::Mirrors => Self::Mirrors,
            OfRoom::Raised => Self::Raised,
            OfRoom::Merged => Self::Merged,
            OfRoom::RecordStatus => Self::RecordStatus,
            OfRoom::Leave { peer_id } => Self::Leave { peer_id },
            OfRoom::Expel { peer_id } => Self::Order(Request::Expel { peer_id }),
            OfRoom::Lower { peer_id } => Self::Order(Request::Lower { peer_id }),
            OfRoom::Gate { open } => {
                let open = open.ok_or_else(|| ApiError::new(PARAMETER, "enable must be true or false"))?;
                Self::Order(Request::Gate { open })
            }
            OfRoom::Track { action, track_id } => {
                let paused = match action.as_str() {
                    "pause" => true,
                    "resume" => false,
                    _ => return Err(ApiError::new(PARAMETER, "action must be pause or resume")),
                };
                Self::Order(Request::Pause { track_id, paused })
            }
            OfRoom::Message => {
                let data = message(super::params::value(request)?)?;
                Self::Order(Request::Say { to: None, data })
            }
            OfRoom::MessagePeers => {
                let body = body()?;
                let fields = Fields::new(&body);
                let data = fields.require("msg", body.get("msg").cloned())?;
                let to = Some(fields.require("peers", users(&fields, "peers")?)?);
                Self::Order(Request::Say {
                    to,
                    data: message(data)?,
                })
            }
            OfRoom::Invite => {
                let body = body()?;
                let fields = Fields::new(&body);
                let user_ids = fields.require("memberIds", users(&fields, "memberIds")?)?;
                Self::Order(Request::Invite { user_ids })
            }
            OfRoom::Mirror => {
                let body = body()?;
                let fields = Fields::new(&body);
                Self::Mirror {
                    alias: fields.require("serverAlias", fields.string("serverAlias")?)?.to_owned(),
                    pid: fields.integer("pid", 0..=u64::from(u32::MAX))?,
                }
            }
            OfRoom::Raise => {
                let body = body()?;
                let fields = Fields::new(&body);
                let video = match fields.string("kind")? {
                    None | Some("audio") => false,
                    Some("video") => true,
                    Some(_) => return Err(fields.error("kind", "must be audio or video").into()),
                };
                Self::Order(Request::Raise {
                    peer_id: fields.require("peerId", user(&fields, "peerId")?)?,
                    video,
                    max_bitrate: max_bitrate(&fields)?,
                })
            }
            OfRoom::Merge => Self::Merge {
                other: other(&body()?)?,
            },
            OfRoom::Separate => Self::Separate {
                other: other(&body()?)?,
            },
        })
    }
}

/// The other room, which the body calls as the path calls this one.
fn other(body: &Map<String, Value>) -> Result<String, ApiError> {
    let fields = Fields::new(body);
    Ok(fields.require("roomId", fields.string("roomId")?)?.to_owned())
}

pub(super) fn call(asked: Asked, room_id: &str, plan: Plan) -> Step {
    match plan {
        Plan::Order(request) => asked.order(room_id, request),
        Plan::Look => asked.look(room_id, |asked, view| reply::success(shown(&asked, &view))),
        Plan::Exists => exists(asked, room_id),
        Plan::End => record::end_room(asked, room_id),
        Plan::RecordStatus => record::room_status(asked, room_id),
        Plan::Has(peer_id) => asked.room(room_id, Request::Has { peer_id }, |_, answer| match answer {
            Reply::Has(joined) => reply::success(json!({ "joined": joined })),
            _ => reply::failure(ApiError::unanswered()),
        }),
        Plan::Raised => live(asked, room_id, |_, view| match view.spec.kind {
            Kind::Live { raised } => reply::success(raised.into_keys().collect()),
            Kind::Conversation { .. } => reply::failure(Problem::Invalid),
        }),
        Plan::Mirrors => live(asked, room_id, |asked, view| reply::success(mirrors(&asked, &view))),
        Plan::Mirror { alias, pid } => mirror(asked, room_id.to_owned(), alias, pid),
        Plan::Merge { other } => {
            let room_id = room_id.to_owned();
            asked.lobby(lobby::Request::Merge { room_id, other }, |_, _| reply::done())
        }
        Plan::Merged => {
            let request = lobby::Request::Merged {
                room_id: room_id.to_owned(),
            };
            live(asked, room_id, |asked, _| {
                asked.lobby(request, |asked, answer| match answer {
                    lobby::Reply::Rooms(rooms) => merged(asked, rooms, Vec::new()),
                    _ => reply::failure(ApiError::unanswered()),
                })
            })
        }
        Plan::Leave { peer_id } => {
            let request = lobby::Request::Separate {
                room_id: room_id.to_owned(),
            };
            live(asked, room_id, move |asked, view| {
                match view.spec.master_id == peer_id {
                    true => asked.lobby(request, |_, _| reply::done()),
                    false => reply::failure(ApiError::new(
                        Problem::NotInRoom.code(),
                        "peerId is not the master of the room",
                    )),
                }
            })
        }
        Plan::Separate { other } => {
            let request = lobby::Request::Merged {
                room_id: room_id.to_owned(),
            };
            live(asked, room_id, |asked, _| {
                asked.lobby(request, move |asked, answer| match answer {
                    lobby::Reply::Rooms(rooms) if rooms.contains(&other) => {
                        asked.lobby(lobby::Request::Separate { room_id: other }, |_, _| reply::done())
                    }
                    _ => reply::failure(Problem::NoOtherRoom),
                })
            })
        }
    }
}

/// Only live rooms have what is asked for.
fn live(asked: Asked, room_id: &str, next: impl FnOnce(Asked, View) -> Step + 'static) -> Step {
    asked.look(room_id, |asked, view| match view.spec.is_live() {
        true => next(asked, view),
        false => reply::failure(ApiError::new(Problem::Invalid.code(), "only a live room can do this")),
    })
}

/// A room that is not there is no error.
fn exists(asked: Asked, room_id: &str) -> Step {
    asked.try_room(room_id, Request::Look, |_, answer| match answer {
        Ok(_) => reply::success(json!({ "exist": true })),
        Err(error) if error.code == Problem::NoRoom.code() => reply::success(json!({ "exist": false })),
        Err(error) => reply::failure(error),
    })
}

fn shown(asked: &Asked, view: &View) -> Value {
    let spec = &view.spec;
    let (invited, max_members) = match &spec.kind {
        Kind::Conversation { invited, max_members } => (invited.iter().cloned().collect(), *max_members),
        Kind::Live { .. } => (Vec::new(), 0),
    };
    let mut fields = asked.place(&spec.server, Some("s1/c1/"));
    let mirrors: Vec<_> = spec.mirrors.iter().map(|server| server.alias.clone()).collect();
    let rest = [
        ("roomId", json!(view.room_id)),
        ("serverUrl6", json!("")),
        ("total", json!(view.total)),
        ("masterId", json!(spec.master_id)),
        ("invitedUserIds", json!(invited)),
        ("memberIds", json!(view.members)),
        ("maxMemberNum", json!(max_members)),
        ("mergeRoomIds", json!(spec.merged)),
        ("mirrorServers", json!(mirrors)),
    ];
    fields.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    fields.into()
}

fn mirrors(asked: &Asked, view: &View) -> Value {
    let mirrors = view.spec.mirrors.iter().zip(2..).map(|(server, number)| {
        let mut fields = asked.server(server, &format!("s{number}/c1/"));
        fields.insert("serverUrl6".to_owned(), json!(""));
        Value::Object(fields)
    });
    mirrors.collect()
}

fn mirror(asked: Asked, room_id: String, alias: String, pid: Option<u64>) -> Step {
    asked.usable_servers(move |asked, servers| {
        let server = servers.into_iter().find(|server| server.alias == alias);
        // Which of the server's threads has a connection is the server's to say: it takes the least loaded one.
        match server {
            Some(server) => asked.servers(move |asked, all| {
                match pid.is_none_or(|pid| super::servers::has_process(&all, &server, pid)) {
                    true => asked.order(&room_id, Request::Mirror(server)),
                    false => reply::failure(Problem::NoServer),
                }
            }),
            None => reply::failure(ApiError::new(
                Problem::NoServer.code(),
                "serverAlias names no server that takes rooms",
            )),
        }
    })
}

/// The rooms one after the other, as each says where it is. One that has ended meanwhile is left out.
fn merged(asked: Asked, mut rooms: Vec<String>, mut list: Vec<Value>) -> Step {
    let Some(room_id) = rooms.pop() else {
        list.reverse();
        return reply::success(list.into());
    };
    asked.try_room(&room_id, Request::Look, |asked, answer| {
        if let Ok(Reply::View(view)) = answer {
            let mut fields = asked.place(&view.spec.server, None);
            fields.insert("roomId".to_owned(), json!(view.room_id));
            list.push(fields.into());
        }
        merged(asked, rooms, list)
    })
}
