//! A room as its clients, nodes and owners see it.

mod calls;
mod guests;
mod joining;
mod media;
mod merging;
mod model;
mod nodes;
mod playback;
mod sets;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use protocol::{RoomAction, RoomAsk, RoomEvent, RoomReply, RoomUnshown};
use serde_json::{Value, json};

use super::*;
use crate::object::Output as Done;

pub(super) const NOW: u64 = 1_700_000_000_000;
pub(super) const APP: &str = "a";

/// A room with whom it talks to. What it sends is kept for each socket, read.
pub(super) struct World {
    pub(super) room: Room,
    pub(super) now_ms: u64,
    rows: BTreeMap<String, Row>,
    sent: BTreeMap<SocketId, Vec<Value>>,
    pub(super) closed: BTreeMap<SocketId, u16>,
    /// When each open socket has last pinged, and when it was opened.
    pings: RefCell<BTreeMap<SocketId, u64>>,
    opened: BTreeMap<SocketId, u64>,
    /// Whether the object's process ends whenever nothing happens, and begins again with what does.
    pub(super) sleeps: bool,
    /// What nodes were asked, with the node.
    pub(super) asked: Vec<(String, RoomAction)>,
    pub(super) shared: Vec<(String, u64, Vec<SharedTrack>)>,
    /// Who was asked to play what the room shows, or to end it.
    pub(super) played: Vec<(String, Playback, bool)>,
    /// What comes of it.
    pub(super) playing: Option<Played>,
    /// What nodes answer; `None` for the usual.
    pub(super) reply: Option<Answered>,
    /// Nodes that do not hear.
    pub(super) deaf: BTreeSet<String>,
    pub(super) lobby_fails: bool,
    pub(super) blocked: BTreeSet<String>,
    /// Who publishes to the channel by another protocol.
    pub(super) publishes: Option<String>,
    /// As the channel knows it.
    pub(super) roster: Vec<Publisher>,
    pub(super) disconnected: Vec<String>,
    /// What tokens allow.
    pub(super) may: May,
    seed: u8,
}

pub(super) fn room_id() -> String {
    ids::id_of(229_937_516).unwrap()
}

pub(super) fn server(node_id: &str) -> Server {
    Server {
        node_id: node_id.into(),
        alias: format!("{node_id}:here"),
        address: String::new(),
    }
}

pub(super) fn creation(kind: Kind) -> Creation {
    Creation {
        kind,
        master_id: "master".into(),
        transport: Transport {
            protocol: 0,
            min_bitrate: 600_000,
            max_bitrate: 3_000_000,
        },
        server: server("n1"),
        playback: None,
    }
}

pub(super) fn conversation(invited: &[&str], max_members: u32) -> Kind {
    Kind::Conversation {
        invited: invited.iter().map(|user| (*user).to_owned()).collect(),
        max_members,
    }
}

pub(super) fn live() -> Kind {
    Kind::Live {
        raised: BTreeMap::new(),
    }
}

impl World {
    pub(super) fn empty() -> Self {
        Self {
            room: Room::default(),
            now_ms: NOW,
            rows: BTreeMap::new(),
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            pings: RefCell::default(),
            opened: BTreeMap::new(),
            sleeps: false,
            asked: Vec::new(),
            shared: Vec::new(),
            played: Vec::new(),
            playing: None,
            reply: None,
            deaf: BTreeSet::new(),
            lobby_fails: false,
            blocked: BTreeSet::new(),
            publishes: None,
            roster: Vec::new(),
            disconnected: Vec::new(),
            may: May::ALL,
            seed: 0,
        }
    }

    pub(super) fn of(kind: Kind) -> Self {
        let mut world = Self::empty();
        let reply = world.ask(Request::Create(Box::new(creation(kind))));
        assert!(matches!(reply, Some(Reply::Created(_))), "{reply:?}");
        world
    }

    pub(super) fn ask(&mut self, request: Request) -> Option<Reply> {
        self.ask_as(APP, request)
    }

    pub(super) fn ask_as(&mut self, app_id: &str, request: Request) -> Option<Reply> {
        let request = Question {
            room_id: room_id(),
            app_id: app_id.into(),
            request,
        };
        self.take(Input::Asked { by: 7, request })
    }

    pub(super) fn denied(&mut self, request: Request) -> Option<Problem> {
        match self.ask(request) {
            Some(Reply::Denied(problem)) => Some(problem),
            Some(_) => None,
            None => panic!("no reply"),
        }
    }

    pub(super) fn view(&mut self) -> View {
        match self.ask(Request::Look) {
            Some(Reply::View(view)) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// Applies an input, and all that follows from it.
    pub(super) fn take(&mut self, input: Input) -> Option<Reply> {
        let mut inputs = vec![input];
        let mut replied = None;
        while let Some(input) = (!inputs.is_empty()).then(|| inputs.remove(0)) {
            self.seed = self.seed.wrapping_add(1);
            let mut random = Random::new([self.seed; 32]);
            let outputs = {
                let pings = &self.pings;
                let pinged = |socket: SocketId| pings.borrow().get(&socket).copied();
                step(&mut self.room, input, &pinged, &mut random, self.now_ms)
            };
            for output in outputs {
                match output {
                    Done::Reply { reply, .. } => replied = Some(reply),
                    Done::Effect(effect) => inputs.extend(self.carry_out(effect).map(Input::Event)),
                }
            }
        }
        replied
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Save(row) => {
                // As the object keeps it.
                let text = serde_json::to_string(&row).unwrap();
                let row: Row = serde_json::from_str(&text).unwrap();
                self.rows.insert(row.name(), row);
                None
            }
            Effect::Remove { name } => {
                self.rows.remove(&name);
                None
            }
            Effect::Send { socket, text } => {
                let frame = serde_json::from_str(&text).unwrap();
                self.sent.entry(socket).or_default().push(frame);
                None
            }
            Effect::Close { socket, code, .. } => {
                self.closed.insert(socket, code);
                self.pings.borrow_mut().remove(&socket);
                None
            }
            Effect::Admit {
                socket,
                join,
                absent_master,
                ..
            } => {
                let admitted = match self.blocked.contains(&join.peer_id) {
                    true => Err("the user is blocked".into()),
                    false => Ok(self.may),
                };
                Some(Event::Admitted {
                    socket,
                    join,
                    admitted,
                    has_master: absent_master.is_some() && absent_master == self.publishes,
                })
            }
            Effect::Media { wanted, errand, ask } => {
                let (Wanted::Only(node_id) | Wanted::Rather(node_id)) = wanted;
                self.note(&node_id, ask);
                let sdp = format!("answer of {node_id} to {}", errand.connection);
                let usual = Answered::By {
                    node_id,
                    server: None,
                    reply: RoomReply::Answer { sdp },
                };
                let answered = self.reply.clone().unwrap_or(usual);
                Some(Event::Answered { errand, answered })
            }
            Effect::Tell {
                node_id,
                connections,
                ask,
            } => {
                let done = !self.deaf.contains(&node_id);
                self.note(&node_id, ask);
                Some(Event::Told {
                    node_id,
                    connections,
                    done,
                })
            }
            Effect::Order { node_id, ask } => {
                self.note(&node_id, ask);
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
                assert_eq!(
                    (app_id.as_str(), room_id, uid.as_str()),
                    (APP, self::room_id(), "master")
                );
                self.played.push((node_id, *playback, is_over));
                (!is_over).then(|| Event::Played(self.playing.clone()))
            }
            Effect::Register { .. } => Some(Event::Registered {
                ok: !self.lobby_fails,
                version: 0,
            }),
            Effect::Disconnect { user_id, .. } => {
                self.disconnected.push(user_id);
                None
            }
            Effect::Ask { app_id, room_id } => {
                assert_eq!((app_id.as_str(), room_id), (APP, self::room_id()));
                let users = self.roster.clone();
                Some(Event::Roster { users })
            }
            Effect::Leave { .. } => Some(Event::Left { ok: !self.lobby_fails }),
            Effect::Share {
                to, version, tracks, ..
            } => {
                self.shared.push((to.clone(), version, tracks));
                let ok = !self.deaf.contains(&to);
                Some(Event::Shared { to, version, ok })
            }
        }
    }

    fn note(&mut self, node_id: &str, ask: RoomAsk) {
        assert_eq!((ask.app_id.as_str(), ask.room_id), (APP, room_id()));
        self.asked.push((node_id.to_owned(), ask.action));
    }

    pub(super) fn open(&mut self, socket: SocketId) {
        self.pings.borrow_mut().insert(socket, self.now_ms);
        self.opened.insert(socket, self.now_ms);
    }

    /// A client says something; returns what it is told at once.
    pub(super) fn say(&mut self, socket: SocketId, frame: Value) -> Vec<Value> {
        self.sent.remove(&socket);
        let text = frame.to_string();
        self.take(Input::Event(Event::Message { socket, text }));
        self.heard(socket)
    }

    /// What a socket was told since it was last asked.
    pub(super) fn heard(&mut self, socket: SocketId) -> Vec<Value> {
        self.sent.remove(&socket).unwrap_or_default()
    }

    pub(super) fn join(&mut self, socket: SocketId, peer_id: &str) -> Value {
        self.join_by(socket, json!({ "peerId": peer_id }))
    }

    pub(super) fn join_by(&mut self, socket: SocketId, mut frame: Value) -> Value {
        self.open(socket);
        frame["t"] = "join".into();
        frame["id"] = 1.into();
        self.say(socket, frame).remove(0)
    }

    pub(super) fn breaks(&mut self, socket: SocketId) {
        self.pings.borrow_mut().remove(&socket);
        self.take(Input::Event(Event::Closed { socket }));
    }

    pub(super) fn news(&mut self, events: Vec<RoomEvent>) {
        let node_id = "n1".to_owned();
        self.ask(Request::News {
            node_id,
            events,
            unshown: Vec::new(),
        });
    }

    /// A node tells that the slot of this mid stays empty.
    pub(super) fn unshown(&mut self, connection: &str, mid: &str) {
        let unshown = RoomUnshown {
            connection: connection.to_owned(),
            mid: mid.to_owned(),
            reason: "why".to_owned(),
        };
        self.ask(Request::News {
            node_id: "n1".to_owned(),
            events: Vec::new(),
            unshown: vec![unshown],
        });
    }

    /// Time passes, and alarms ring when they are due. Whose sockets are open ping all the while, but for these.
    pub(super) fn pass(&mut self, ms: u64, silent: &[SocketId]) {
        let until_ms = self.now_ms + ms;
        while let Some(at_ms) = self.room.next_alarm().filter(|at_ms| *at_ms <= until_ms) {
            self.now_ms = at_ms.max(self.now_ms);
            for (socket, at_ms) in self.pings.borrow_mut().iter_mut() {
                if !silent.contains(socket) {
                    *at_ms = self.now_ms;
                }
            }
            if self.sleeps {
                self.restart();
            }
            self.take(Input::Alarm);
        }
        self.now_ms = until_ms;
    }

    /// The object's process ends; sockets that are open stay so.
    pub(super) fn restart(&mut self) {
        let pings = self.pings.borrow();
        let open = pings.keys().map(|socket| (*socket, self.opened[socket])).collect();
        drop(pings);
        self.room = Room::restore(self.rows.values().cloned(), &open, self.now_ms);
    }

    /// Publishes sound and a picture; returns the ids of the tracks.
    pub(super) fn publish(&mut self, socket: SocketId) -> Vec<String> {
        let sources = json!({ "0": "audio", "1": "camera" });
        let frames = self.say(
            socket,
            json!({ "t": "publish", "id": 2, "sdp": "offer", "sources": sources }),
        );
        assert_eq!(frames[0]["t"], "answer", "{frames:?}");
        let tracks = frames.iter().filter(|frame| frame["t"] == "track");
        tracks
            .map(|frame| frame["trackId"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Subscribes with so many slots for sound and for pictures.
    pub(super) fn subscribe(&mut self, socket: SocketId, audio: usize, video: usize) -> Vec<Value> {
        self.say(socket, json!({ "t": "subscribe", "id": 3, "sdp": offer(audio, video) }))
    }

    /// What the node was last told to show to the connection of a peer, by mid.
    pub(super) fn shown(&self) -> BTreeMap<String, Option<(String, String)>> {
        let told = self.asked.iter().rev().find_map(|(_, action)| match action {
            RoomAction::Slots(slots) => slots.last(),
            _ => None,
        });
        let map = told.map(|slots| slots.map.clone()).unwrap_or_default();
        let shown = map
            .into_iter()
            .map(|(mid, slot)| (mid, slot.map(|slot| (slot.room_id, slot.peer_id))));
        shown.collect()
    }
}

pub(super) fn offer(audio: usize, video: usize) -> String {
    let kinds = std::iter::repeat_n("audio", audio).chain(std::iter::repeat_n("video", video));
    let sections = kinds
        .enumerate()
        .map(|(mid, kind)| format!("\nm={kind} 9 UDP/TLS/RTP/SAVPF 96\na=mid:{mid}\na=recvonly"));
    format!("v=0{}", sections.collect::<String>())
}

/// The kinds of frames.
pub(super) fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["t"].as_str()).collect()
}
