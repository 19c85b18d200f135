//! Rooms that are connected and separated in any order, by both sides at once, while they end and begin again, while what one tells the
//! other is late or lost, and while the objects' processes end. Meanwhile somebody watches each of them, by nodes of several regions
//! that are full at times, do not hear, or are restarted, and some of which are mirrors. When all is quiet, each room is told what the
//! others of its set have, and whoever watches is shown all of it.

use std::collections::VecDeque;

use super::super::lobby::{self, Lobby};
use super::nodes::{NODES, Nodes};
use super::*;
use crate::chance::{Chance, seeds};

const ROOMS: usize = 5;
const STEPS: u64 = 160;
const VIEWER: &str = "guanyu";

/// What is under way to a room.
enum Letter {
    Connect(u64, Vec<String>),
    Share(Request),
}

#[derive(Default)]
struct Object {
    room: Room,
    rows: BTreeMap<String, Row>,
}

struct Sets {
    rooms: BTreeMap<String, Object>,
    lobby: Lobby,
    letters: VecDeque<(String, Letter)>,
    nodes: Nodes,
    now_ms: u64,
    chance: Chance,
    turns: u64,
    /// The lobby's callers without an answer.
    asked: BTreeSet<u64>,
    calls: u64,
}

fn name(number: usize) -> String {
    ids::id_of(229_937_516 + number as u64).unwrap()
}

impl Sets {
    fn new(seed: u64) -> Self {
        let mut sets = Self {
            rooms: (0..ROOMS).map(|number| (name(number), Object::default())).collect(),
            lobby: Lobby::default(),
            letters: VecDeque::new(),
            nodes: Nodes::default(),
            now_ms: NOW,
            chance: Chance::new(seed),
            turns: 0,
            asked: BTreeSet::new(),
            calls: 0,
        };
        for number in 0..ROOMS {
            sets.create(&name(number));
        }
        sets
    }

    fn any(&mut self) -> String {
        name(self.chance.below(ROOMS as u64) as usize)
    }

    fn node(&mut self) -> String {
        NODES[self.chance.below(NODES.len() as u64) as usize].to_owned()
    }

    fn create(&mut self, room_id: &str) {
        let creation = Creation {
            server: server(&self.node()),
            ..creation(live())
        };
        self.ask(room_id, Request::Create(Box::new(creation)));
    }

    /// Somebody comes to watch a room, or looks again at what there is.
    fn watch(&mut self, room_id: &str) {
        let known = self.rooms[room_id].room.peers.get(VIEWER);
        let socket = match known.and_then(|peer| peer.socket) {
            Some(socket) => socket,
            None => {
                let new = self.turns;
                self.say(room_id, new, json!({ "t": "join", "id": 1, "peerId": VIEWER }));
                new
            }
        };
        self.say(
            room_id,
            socket,
            json!({ "t": "subscribe", "id": 2, "sdp": offer(ROOMS, ROOMS) }),
        );
    }

    fn say(&mut self, room_id: &str, socket: SocketId, frame: Value) {
        let text = frame.to_string();
        self.room(room_id, Input::Event(Event::Message { socket, text }));
    }

    fn ask(&mut self, room_id: &str, request: Request) -> Option<Reply> {
        let request = Question {
            room_id: room_id.to_owned(),
            app_id: APP.into(),
            request,
        };
        self.room(room_id, Input::Asked { by: 7, request })
    }

    fn room(&mut self, room_id: &str, input: Input) -> Option<Reply> {
        let mut inputs = VecDeque::from([input]);
        let mut replied = None;
        while let Some(input) = inputs.pop_front() {
            self.turns += 1;
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&self.turns.to_le_bytes());
            let mut random = Random::new(seed);
            let (object, now_ms) = (self.rooms.get_mut(room_id).unwrap(), self.now_ms);
            for output in step(&mut object.room, input, &|_| Some(now_ms), &mut random, now_ms) {
                match output {
                    Done::Reply { reply, .. } => replied = Some(reply),
                    Done::Effect(Effect::Save(row)) => {
                        let object = self.rooms.get_mut(room_id).unwrap();
                        object.rows.insert(row.name(), *row);
                    }
                    Done::Effect(Effect::Remove { name }) => {
                        self.rooms.get_mut(room_id).unwrap().rows.remove(&name);
                    }
                    Done::Effect(Effect::Register { room_id, live, .. }) => {
                        let entered = self.lobby(lobby::Request::Enter { room_id, live });
                        let Some(lobby::Reply::Entered { version }) = entered else {
                            panic!("{entered:?}")
                        };
                        inputs.push_back(Input::Event(Event::Registered { ok: true, version }));
                    }
                    Done::Effect(Effect::Leave { room_id, .. }) => {
                        self.lobby(lobby::Request::Leave { room_id });
                        inputs.push_back(Input::Event(Event::Left { ok: true }));
                    }
                    Done::Effect(Effect::Share {
                        from,
                        to,
                        version,
                        tracks,
                        heard,
                        ..
                    }) => {
                        let heard = Some(heard);
                        let request = Request::Shared {
                            from,
                            version,
                            tracks,
                            heard,
                        };
                        self.letters.push_back((to, Letter::Share(request)));
                    }
                    Done::Effect(effect) => inputs.extend(self.nodes.carry_out(effect).map(Input::Event)),
                }
            }
        }
        replied
    }

    /// What the lobby answers at once.
    fn lobby(&mut self, request: lobby::Request) -> Option<lobby::Reply> {
        self.calls += 1;
        let by = self.calls;
        self.asked.insert(by);
        let request = lobby::Question {
            app_id: APP.into(),
            request,
        };
        self.at_lobby(lobby::Input::Asked { by, request })
    }

    fn at_lobby(&mut self, input: lobby::Input) -> Option<lobby::Reply> {
        let mut replied = None;
        for output in lobby::step(&mut self.lobby, input, self.now_ms) {
            match output {
                Done::Reply { to, reply } => {
                    self.asked.remove(&to);
                    replied = Some(reply);
                }
                Done::Effect(lobby::Effect::Save) => {}
                Done::Effect(lobby::Effect::Tell {
                    room_id,
                    version,
                    room_ids,
                    ..
                }) => self.letters.push_back((room_id, Letter::Connect(version, room_ids))),
            }
        }
        replied
    }

    /// One of what is under way arrives, or is lost.
    fn deliver(&mut self, arrives: bool) {
        let place = self.chance.below(self.letters.len().max(1) as u64) as usize;
        let Some((to, letter)) = self.letters.remove(place) else {
            return;
        };
        match letter {
            Letter::Connect(version, room_ids) => {
                if arrives {
                    self.ask(&to, Request::Connect { version, room_ids });
                }
                let (room_id, ok) = (to, arrives);
                self.at_lobby(lobby::Input::Event(lobby::Event::Told { room_id, version, ok }));
            }
            Letter::Share(request) => {
                let Request::Shared { from, version, .. } = &request else {
                    unreachable!()
                };
                let (from, version) = (from.clone(), *version);
                let reply = if arrives { self.ask(&to, request) } else { None };
                let ok = matches!(reply, Some(Reply::Done | Reply::Denied(Problem::NoRoom)));
                self.room(&from, Input::Event(Event::Shared { to, version, ok }));
            }
        }
    }

    /// The process of an object ends; whoever waited for its answers hears nothing.
    fn restart(&mut self, room_id: &str) {
        let object = self.rooms.get_mut(room_id).unwrap();
        object.room = Room::restore(object.rows.values().cloned(), &BTreeMap::new(), self.now_ms);
        self.letters.retain(|(_, letter)| match letter {
            Letter::Share(Request::Shared { from, .. }) => from != room_id,
            _ => true,
        });
    }

    fn restart_lobby(&mut self) {
        let kept = serde_json::to_string(&self.lobby).unwrap();
        let rooms = self.lobby.rooms_kept();
        self.lobby = serde_json::from_str::<Lobby>(&kept)
            .unwrap()
            .restored(rooms, self.now_ms);
        self.letters
            .retain(|(_, letter)| !matches!(letter, Letter::Connect(..)));
        self.asked.clear();
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        if self.lobby.next_alarm().is_some_and(|at_ms| at_ms <= self.now_ms) {
            self.at_lobby(lobby::Input::Alarm);
        }
        for number in 0..ROOMS {
            let due_ms = self.rooms[&name(number)].room.next_alarm();
            if due_ms.is_some_and(|at_ms| at_ms <= self.now_ms) {
                self.room(&name(number), Input::Alarm);
            }
        }
    }

    fn happens(&mut self) {
        let (one, other) = (self.any(), self.any());
        match self.chance.below(18) {
            12 | 13 => self.watch(&one),
            14 => {
                let server = server(&self.node());
                self.ask(&one, Request::Mirror(server));
            }
            15 => {
                let node_id = self.node();
                let nodes = match self.chance.below(2) {
                    0 => &mut self.nodes.full,
                    _ => &mut self.nodes.deaf,
                };
                if !nodes.remove(&node_id) {
                    nodes.insert(node_id);
                }
            }
            16 => self.restart_node(),
            17 => {
                let others = self.rooms[&one].room.others.values();
                let tracks = others.flat_map(|other| &other.tracks);
                if let Some(track) = tracks.last() {
                    let (track_id, paused) = (track.track_id.clone(), self.chance.one_in(2));
                    self.ask(&one, Request::Pause { track_id, paused });
                }
            }
            0 | 1 => {
                self.lobby(lobby::Request::Merge { room_id: one, other });
            }
            2 => {
                // Both sides ask at once.
                let (room_id, other) = (one, other);
                self.lobby(lobby::Request::Merge {
                    room_id: room_id.clone(),
                    other: other.clone(),
                });
                self.lobby(lobby::Request::Merge {
                    room_id: other,
                    other: room_id,
                });
            }
            3 => {
                self.lobby(lobby::Request::Separate { room_id: one });
            }
            4 => {
                self.ask(&one, Request::End);
            }
            5 => {
                self.ask(&one, Request::End);
                self.create(&one);
            }
            6 => {
                let sources = [protocol::RoomSource::Audio, protocol::RoomSource::Camera];
                let master = Publisher {
                    user_id: "master".into(),
                    sources: sources.into(),
                };
                let users = (self.chance.below(3) > 0).then_some(master).into_iter().collect();
                self.ask(&one, Request::Roster { users });
            }
            7 => self.restart(&one),
            8 => self.restart_lobby(),
            9 => {
                let ms = self.chance.below(1_500);
                self.pass(ms);
            }
            _ => {
                let arrives = self.chance.below(4) > 0;
                self.deliver(arrives);
            }
        }
    }

    fn restart_node(&mut self) {
        let node_id = self.node();
        self.now_ms += 1;
        self.nodes.restart(&node_id);
        for number in 0..ROOMS {
            let (node_id, at_ms) = (node_id.clone(), self.now_ms);
            self.ask(&name(number), Request::Restarted { node_id, at_ms });
        }
    }

    fn quiet(&mut self) {
        self.nodes.full.clear();
        self.nodes.deaf.clear();
        // Until everybody has noticed what is lost.
        self.settle();
        for number in 0..ROOMS {
            self.watch(&name(number));
        }
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..20 {
            self.pass(1_000);
            let mut most = 1_000;
            while !self.letters.is_empty() && most > 0 {
                self.deliver(true);
                most -= 1;
            }
        }
        self.pass(1_000);
        assert!(self.letters.is_empty(), "it never ends");
    }

    fn check(&self) {
        assert_eq!(self.asked, BTreeSet::new(), "somebody waits for ever");
        for (room_id, object) in &self.rooms {
            let Some(spec) = object.room.spec() else {
                assert!(object.room.others.is_empty());
                continue;
            };
            let mut set = self.lobby.set_of(room_id);
            set.retain(|known| known != room_id);
            assert_eq!(spec.merged, set, "{room_id}");
            for other in &set {
                let shown = &object.room.others[other].tracks;
                assert_eq!(*shown, self.rooms[other].room.shared_tracks(), "{room_id} of {other}");
            }
            assert_eq!(object.room.others.len(), set.len());
            self.nodes.check(room_id, &object.room, VIEWER);
        }
    }
}

#[test]
fn connected_rooms_show_one_another_whatever_has_happened_to_them() {
    for seed in seeds(300) {
        let mut sets = Sets::new(seed);
        for _ in 0..STEPS {
            sets.happens();
        }
        sets.quiet();
        sets.check();
    }
}
