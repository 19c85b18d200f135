//! The object of a room: it accepts the sockets of its clients, which stay open while the object sleeps, and asks nodes for their
//! connections.

mod playing;
mod reach;
mod storage;

use worker::{DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, durable_object};

use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::{Platform, answer_close};
use super::room_of::RoomOf;
use super::sockets::Sockets;
use crate::object::Output;
use crate::room::{self, Effect, Event, Random, is_done, lobby, step};
use crate::worker::bindings;

#[durable_object]
pub struct Room {
    host: Host<RoomShell>,
}

impl DurableObject for Room {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(RoomShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        if request.headers().get("Upgrade")?.is_none() {
            return self.host.fetch(request).await;
        }
        self.host.count(|work| work.requests = 1);
        let (response, socket) = self.sockets().accept()?;
        self.host.happened(Event::Opened { socket }).await;
        Ok(response)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        self.host.count(|work| work.messages = 1);
        // Nothing that is said in binary frames is a frame of the contract.
        if let (Some(socket), WebSocketIncomingMessage::String(text)) = (self.sockets().id(&socket), message) {
            self.host.happened(Event::Message { socket, text }).await;
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, reason: String, _: bool) -> worker::Result<()> {
        answer_close(&socket, code, &reason);
        self.closed(&socket).await;
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> worker::Result<()> {
        self.closed(&socket).await;
        Ok(())
    }
}

impl Room {
    fn sockets(&self) -> Sockets<'_> {
        self.host.shell().sockets()
    }

    async fn closed(&self, gone: &WebSocket) {
        if let Some(socket) = self.sockets().id(gone) {
            self.host.happened(Event::Closed { socket }).await;
        }
    }
}

struct RoomShell {
    platform: Platform,
}

impl RoomShell {
    fn sockets(&self) -> Sockets<'_> {
        Sockets::new(&self.platform)
    }
}

impl Shell for RoomShell {
    type Object = RoomOf;
    type State = room::Room;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<room::Room> {
        let rows = storage::load(&self.platform.sql())?;
        Ok(room::Room::restore(rows, &self.sockets().open(), bindings::now_ms()))
    }

    fn apply(&self, room: &mut room::Room, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let (sql, sockets) = (self.platform.sql(), self.sockets());
        let mut random = Random::new(bindings::random());
        let mut left = Vec::new();
        for output in step(room, input, &|socket| sockets.pinged_ms(socket), &mut random, now_ms) {
            match output {
                Output::Effect(Effect::Save(row)) => storage::save(&sql, &row)?,
                Output::Effect(Effect::Remove { name }) => storage::remove(&sql, &name)?,
                output => left.push(output),
            }
        }
        Ok(left)
    }

    fn next_alarm(&self, room: &room::Room) -> Option<u64> {
        room.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        let env = self.platform.env();
        match effect {
            // Carried out with the state's change.
            Effect::Save(_) | Effect::Remove { .. } => None,
            Effect::Send { socket, text } => {
                let sent = self.sockets().send(socket, &text);
                (!sent).then_some(Event::Closed { socket })
            }
            Effect::Close { socket, code, reason } => {
                self.sockets().close(socket, code, &reason);
                None
            }
            Effect::Admit {
                app_id,
                room_id,
                socket,
                join,
                absent_master,
            } => {
                let admitted = reach::admit(&app_id, &room_id, &join, env).await;
                let has_master = match absent_master {
                    Some(master_id) => reach::publishes(app_id, room_id, &master_id, env).await,
                    None => false,
                };
                Some(Event::Admitted {
                    socket,
                    join,
                    admitted,
                    has_master,
                })
            }
            Effect::Media { wanted, errand, ask } => {
                let answered = reach::media(wanted, ask, env).await;
                Some(Event::Answered { errand, answered })
            }
            Effect::Tell {
                node_id,
                connections,
                ask,
            } => {
                let done = is_done(&reach::tell(node_id.clone(), ask, env).await);
                Some(Event::Told {
                    node_id,
                    connections,
                    done,
                })
            }
            Effect::Order { node_id, ask } => {
                reach::tell(node_id, ask, env).await;
                None
            }
            Effect::Play {
                node_id,
                app_id,
                room_id,
                uid,
                playback,
                is_over,
            } => {
                let question = playing::question(app_id, room_id, uid, &playback, is_over, env).await;
                let played = playing::ask_for(node_id, question, env).await;
                (!is_over).then_some(Event::Played(played))
            }
            Effect::Register { app_id, room_id, live } => {
                let request = lobby::Request::Enter { room_id, live };
                let version = match reach::ask_lobby(&app_id, request, env).await {
                    Some(lobby::Reply::Entered { version }) => Some(version),
                    _ => None,
                };
                Some(Event::Registered {
                    ok: version.is_some(),
                    version: version.unwrap_or_default(),
                })
            }
            Effect::Disconnect {
                app_id,
                room_id,
                user_id,
            } => {
                reach::disconnect(app_id, room_id, user_id, env).await;
                None
            }
            Effect::Ask { app_id, room_id } => {
                let users = reach::publishers(app_id, room_id, env).await;
                Some(Event::Roster { users })
            }
            Effect::Leave { app_id, room_id } => {
                let reply = reach::ask_lobby(&app_id, lobby::Request::Leave { room_id }, env).await;
                Some(Event::Left { ok: reply.is_some() })
            }
            Effect::Share {
                app_id,
                from,
                to,
                version,
                tracks,
                heard,
            } => {
                let request = room::Request::Shared {
                    from,
                    version,
                    tracks,
                    heard: Some(heard),
                };
                let ok = reach::room(app_id, &to, request, env).await;
                Some(Event::Shared { to, version, ok })
            }
        }
    }
}
