//! The object that knows what the rooms of one app have in common.

use serde_json::json;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object};

use super::ask::{Object, ask};
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use super::room_of::RoomOf;
use super::sql::{has_table, rows, run, text};
use crate::object::{Output, pieces};
use crate::room::lobby::{self, Effect, Event, Known, step};
use crate::room::{Problem, Question, Reply, Request as RoomRequest};
use crate::worker::bindings;

const CREATE_ROOMS: &str =
    "CREATE TABLE IF NOT EXISTS lobby_room (room_id TEXT PRIMARY KEY, known TEXT NOT NULL) WITHOUT ROWID";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS lobby (piece INTEGER PRIMARY KEY, state TEXT NOT NULL)";

/// How it is asked.
pub(in crate::worker) enum LobbyOf {}

impl Object for LobbyOf {
    const BINDING: &'static str = "LOBBY";
    /// The app's id.
    type Key = str;
    type Request = lobby::Question;
    type Reply = lobby::Reply;

    fn name(app_id: &str) -> String {
        json!([app_id]).to_string()
    }
}

#[durable_object]
pub struct Lobby {
    host: Host<LobbyShell>,
}

impl DurableObject for Lobby {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(LobbyShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }
}

struct LobbyShell {
    platform: Platform,
}

impl Shell for LobbyShell {
    type Object = LobbyOf;
    type State = lobby::Lobby;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<lobby::Lobby> {
        let sql = self.platform.sql();
        if !has_table(&sql, "lobby")? {
            return Ok(lobby::Lobby::default());
        }
        let pieces = rows(&sql, "SELECT state FROM lobby ORDER BY piece", Vec::new())?;
        let whole: String = pieces.map(|mut piece| piece.text()).collect();
        let kept: lobby::Lobby = serde_json::from_slice(whole.as_bytes())?;
        let mut rooms = Vec::new();
        if has_table(&sql, "lobby_room")? {
            for mut row in rows(&sql, "SELECT room_id, known FROM lobby_room", Vec::new())? {
                rooms.push((row.text(), row.json::<Known>()?));
            }
        }
        Ok(kept.restored(rooms, bindings::now_ms()))
    }

    fn apply(
        &self,
        lobby: &mut lobby::Lobby,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        let mut left = Vec::new();
        let mut changed = false;
        for output in step(lobby, input, now_ms) {
            match output {
                Output::Effect(Effect::Save) => changed = true,
                output => left.push(output),
            }
        }
        if changed {
            save(&self.platform.sql(), lobby)?;
        }
        Ok(left)
    }

    fn next_alarm(&self, lobby: &lobby::Lobby) -> Option<u64> {
        lobby.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        match effect {
            // Carried out with the state's change.
            Effect::Save => None,
            Effect::Tell {
                app_id,
                room_id,
                version,
                room_ids,
            } => {
                let question = Question {
                    room_id: room_id.clone(),
                    app_id,
                    request: RoomRequest::Connect { version, room_ids },
                };
                let reply = ask::<RoomOf>(self.platform.env(), &room_id, &question).await;
                // One that is over need not hear of it.
                let ok = matches!(reply, Ok(Reply::Done | Reply::Denied(Problem::NoRoom)));
                Some(Event::Told { room_id, version, ok })
            }
        }
    }
}

fn save(sql: &SqlStorage, lobby: &mut lobby::Lobby) -> worker::Result<()> {
    let changes = lobby.take_changes();
    if changes.rest {
        run(sql, CREATE, Vec::new())?;
        run(sql, "DELETE FROM lobby", Vec::new())?;
        for piece in pieces(&serde_json::to_string(lobby)?) {
            run(sql, "INSERT INTO lobby (state) VALUES (?)", vec![text(piece)])?;
        }
    }
    if !changes.rooms.is_empty() {
        run(sql, CREATE_ROOMS, Vec::new())?;
    }
    for (room_id, known) in changes.rooms {
        match known {
            Some(known) => {
                let values = vec![text(&room_id), text(&serde_json::to_string(&known)?)];
                run(
                    sql,
                    "INSERT OR REPLACE INTO lobby_room (room_id, known) VALUES (?, ?)",
                    values,
                )?;
            }
            None => run(sql, "DELETE FROM lobby_room WHERE room_id = ?", vec![text(&room_id)])?,
        }
    }
    Ok(())
}
