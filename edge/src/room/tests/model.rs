//! A bad world: sockets break, the object's process ends, nodes and rooms do not hear, connections are lost, and people come and go
//! all the while. Once it is quiet again, everybody is shown what there is, and nobody anything else.

use protocol::RoomSource;

use super::*;
use crate::chance::{Chance, seeds};

const PEOPLE: [&str; 5] = ["master", "liubei", "guanyu", "zhangfei", "zhaoyun"];
const STEPS: u64 = 80;

/// A client that does as the contract says.
#[derive(Default)]
struct Client {
    /// While it is joined.
    socket: Option<SocketId>,
    resume: Option<String>,
    seen: u64,
    heard: Vec<u64>,
    /// The tracks of its slots by mid, as it was told.
    slots: BTreeMap<String, String>,
    /// The tracks of others that it knows of.
    tracks: BTreeSet<String>,
}

impl Client {
    fn takes(&mut self, peer_id: &str, frames: Vec<Value>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for frame in frames {
            match frame["t"].as_str().unwrap() {
                "joined" => {
                    self.resume = Some(text(&frame["resume"]));
                    let peers = frame["peers"].as_array().unwrap();
                    let tracks = peers.iter().flat_map(|peer| peer["tracks"].as_array().unwrap());
                    self.tracks = tracks.map(|track| text(&track["trackId"])).collect();
                    if frame["resumed"] == false {
                        self.slots.clear();
                    }
                }
                "track" if frame["peerId"] != peer_id => {
                    self.tracks.insert(text(&frame["trackId"]));
                }
                "untrack" => {
                    self.tracks.remove(&text(&frame["trackId"]));
                }
                "slots" => {
                    for (mid, track) in frame["map"].as_object().unwrap() {
                        match track.as_str() {
                            Some(track) => self.slots.insert(mid.clone(), track.to_owned()),
                            None => self.slots.remove(mid),
                        };
                    }
                }
                "lost" if frame["pc"] == "sub" => self.slots.clear(),
                "msg" => {
                    let number = frame["n"].as_u64().unwrap();
                    assert!(number > self.seen, "{peer_id} has heard message {number} already");
                    self.seen = number;
                    self.heard.push(frame["data"].as_u64().unwrap());
                }
                _ => {}
            }
        }
    }
}

struct Play {
    world: World,
    clients: BTreeMap<&'static str, Client>,
    chance: Chance,
    sockets: SocketId,
    said: u64,
}

impl Play {
    fn new(seed: u64) -> Self {
        let clients = PEOPLE.map(|peer_id| (peer_id, Client::default())).into();
        Self {
            world: World::of(conversation(&PEOPLE, 0)),
            clients,
            chance: Chance::new(seed),
            sockets: 0,
            said: 0,
        }
    }

    /// Every client reads what it was sent.
    fn read(&mut self) {
        for (peer_id, client) in &mut self.clients {
            if let Some(socket) = client.socket {
                client.takes(peer_id, self.world.heard(socket));
            }
        }
    }

    fn joins(&mut self, peer_id: &'static str) {
        self.read();
        self.sockets += 1;
        let socket = self.sockets;
        self.world.open(socket);
        let client = &self.clients[peer_id];
        let join = json!({"t": "join", "peerId": peer_id, "resume": client.resume, "seen": client.seen});
        let frames = self.world.say(socket, join);
        let client = self.clients.get_mut(peer_id).unwrap();
        if frames.first().is_some_and(|frame| frame["t"] == "joined") {
            client.socket = Some(socket);
        }
        let resumed = frames.iter().any(|frame| frame["resumed"] == true);
        client.takes(peer_id, frames);
        if resumed {
            // As the contract says: what cannot be restarted is over.
            for (id, pc) in [(4, "pub"), (5, "sub")] {
                self.says(peer_id, json!({"t": "restart", "id": id, "pc": pc, "sdp": "offer"}));
            }
        }
    }

    fn breaks(&mut self, peer_id: &'static str) {
        let client = self.clients.get_mut(peer_id).unwrap();
        let Some(socket) = client.socket.take() else {
            return;
        };
        // What is under way to it arrives, or does not.
        let frames = self.world.heard(socket);
        if self.chance.one_in(2) {
            client.takes(peer_id, frames);
        }
        self.world.breaks(socket);
    }

    fn says(&mut self, peer_id: &'static str, frame: Value) {
        self.read();
        if let Some(socket) = self.clients[peer_id].socket {
            let frames = self.world.say(socket, frame);
            let client = self.clients.get_mut(peer_id).unwrap();
            let is_over = |id: u64| frames.iter().any(|frame| frame["t"] == "err" && frame["id"] == id);
            if is_over(5) {
                client.slots.clear();
            }
            client.takes(peer_id, frames);
        }
    }

    fn publish(&mut self, peer_id: &'static str) {
        let sources = json!({"0": "audio", "1": "camera"});
        self.says(
            peer_id,
            json!({"t": "publish", "id": 2, "sdp": "offer", "sources": sources}),
        );
    }

    fn subscribe(&mut self, peer_id: &'static str) {
        self.says(peer_id, json!({"t": "subscribe", "id": 3, "sdp": offer(8, 8)}));
    }

    fn step(&mut self) {
        let peer_id = PEOPLE[self.chance.below(PEOPLE.len() as u64) as usize];
        self.read();
        match self.chance.below(12) {
            0 | 1 => self.joins(peer_id),
            2 => self.breaks(peer_id),
            3 => self.publish(peer_id),
            4 => self.subscribe(peer_id),
            5 => {
                self.said += 1;
                let data = self.said;
                self.world.ask(Request::Say {
                    to: None,
                    data: json!(data),
                });
            }
            6 => {
                // A process needs its time to end and to begin.
                self.world.now_ms += 2_000;
                self.world.restart();
            }
            7 => {
                let deaf = self.chance.one_in(2);
                self.world.deaf = match deaf {
                    true => ["n1".to_owned(), "otherrm".to_owned()].into(),
                    false => Default::default(),
                };
            }
            8 => {
                let ms = self.chance.below(20_000);
                self.world.pass(ms, &[]);
            }
            9 => {
                let peer = self.world.room.peers.get(peer_id);
                if let Some(connection) = peer.and_then(|peer| peer.connections().next().cloned()) {
                    let reason = "lost".to_owned();
                    let connection = connection.id;
                    self.world.news(vec![RoomEvent::Gone { connection, reason }]);
                }
            }
            10 => self.says(peer_id, json!({"t": "leave"})),
            _ => {
                let tracks = self.chance.below(3);
                let tracks = (0..tracks).map(|number| SharedTrack {
                    track_id: format!("other{number}"),
                    peer_id: "caocao".into(),
                    source: RoomSource::Camera,
                    on: true,
                });
                let (version, now_ms) = (self.world.now_ms, self.world.now_ms);
                let room_ids = if self.chance.one_in(3) {
                    Vec::new()
                } else {
                    vec!["otherrm".to_owned()]
                };
                self.world.ask(Request::Connect {
                    version: now_ms,
                    room_ids,
                });
                let from = "otherrm".to_owned();
                self.world.ask(Request::Shared {
                    from,
                    version,
                    tracks: tracks.collect(),
                    heard: None,
                });
                self.world.now_ms += 1;
            }
        }
        self.read();
        for client in self.clients.values_mut() {
            // Whom the room has dismissed is not joined any more.
            client.socket.take_if(|socket| self.world.closed.contains_key(socket));
        }
    }

    /// Nothing fails any more; everybody comes, and publishes and subscribes.
    fn heal(&mut self) {
        self.world.deaf.clear();
        self.world.pass(40_000, &[]);
        self.read();
        for peer_id in PEOPLE {
            if self.clients[peer_id].socket.is_none() {
                self.joins(peer_id);
            }
            self.publish(peer_id);
            self.subscribe(peer_id);
        }
        self.world.pass(5_000, &[]);
        self.read();
    }

    fn check(&self) {
        let published = self.world.room.peers.iter().flat_map(|(peer_id, peer)| {
            peer.tracks
                .keys()
                .map(move |track_id| (peer_id.as_str(), track_id.clone()))
        });
        let published: Vec<_> = published.collect();
        let others: Vec<_> = self
            .world
            .room
            .others
            .values()
            .flat_map(|other| &other.tracks)
            .collect();
        assert_eq!(published.len(), 2 * PEOPLE.len());
        for (peer_id, client) in &self.clients {
            let theirs = published
                .iter()
                .filter(|(owner, _)| owner != peer_id)
                .map(|(_, track_id)| track_id.clone());
            let expected: BTreeSet<_> = theirs
                .chain(others.iter().map(|track| track.track_id.clone()))
                .collect();
            assert_eq!(client.tracks, expected, "{peer_id} knows of what there is");
            let shown: BTreeSet<_> = client.slots.values().cloned().collect();
            assert_eq!(shown, expected, "{peer_id} is shown what there is");
            assert_eq!(client.slots.len(), shown.len(), "{peer_id} is shown nothing twice");
            assert!(client.heard.is_sorted(), "{peer_id} has heard messages in their order");
            let peer = &self.world.room.peers[*peer_id];
            let at_node = self.world.told(&peer.subscribing.clone().unwrap().id);
            let kept: Vec<_> = peer
                .slots
                .slots
                .iter()
                .map(|slot| (slot.mid.clone(), slot.shown.clone()))
                .collect();
            assert_eq!(
                at_node,
                kept.into_iter().collect(),
                "the node of {peer_id} sends what is shown"
            );
        }
        let rows = self.world.rows.keys().filter(|name| name.starts_with("peer:")).count();
        assert_eq!(rows, PEOPLE.len());
    }
}

impl World {
    /// What the node was last told to send by a connection.
    fn told(&self, connection: &str) -> BTreeMap<String, Option<protocol::RoomSlot>> {
        let mut told = self.asked.iter().rev().filter_map(|(_, action)| match action {
            RoomAction::Slots(slots) => slots.iter().find(|slots| slots.connection == connection),
            _ => None,
        });
        told.next().map(|slots| slots.map.clone()).unwrap_or_default()
    }
}

#[test]
fn whatever_fails_everybody_is_shown_what_there_is_once_it_is_quiet() {
    for seed in seeds(40) {
        let run = std::panic::catch_unwind(|| {
            let mut play = Play::new(seed);
            for _ in 0..STEPS {
                play.step();
            }
            play.heal();
            play.check();
        });
        if let Err(panic) = run {
            eprintln!("TAPEDECK_SEED={seed} repeats it");
            std::panic::resume_unwind(panic);
        }
    }
}
