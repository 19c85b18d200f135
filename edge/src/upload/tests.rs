//! Uploads over sockets that break, into stores that fail.

use std::collections::BTreeMap;

use protocol::RecorderKey;
use serde_json::{Value, json};

use super::pieces::PIECE_BYTES;
use super::*;
use crate::joining::Order;
use crate::object::{Input as In, Output as Out};
use crate::recording::House;

const NOW: u64 = 1_700_000_000_000;

fn order() -> Order {
    Order {
        key: RecorderKey {
            app_id: "a".into(),
            channel: "upload".into(),
            uid: "r".into(),
        },
        sid: "s".into(),
        nonce: "s".into(),
        parts: Vec::new(),
        start_ms: NOW,
        place: "house/a/s".into(),
        house: House::default(),
        told: Vec::new(),
        imports: true,
        recording: None,
    }
}

/// An upload with its store.
struct World {
    upload: Upload,
    now_ms: u64,
    kept: Option<Kept>,
    /// What is in the store, by number.
    store: BTreeMap<usize, Vec<u8>>,
    store_fails: bool,
    /// The last answer of the store is lost.
    holds: bool,
    heard: Vec<(u64, Value)>,
    closed: Vec<(u64, u16)>,
    begun: Vec<Order>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            upload: Upload::default(),
            now_ms: NOW,
            kept: None,
            store: BTreeMap::new(),
            store_fails: false,
            holds: false,
            heard: Vec::new(),
            closed: Vec::new(),
            begun: Vec::new(),
        };
        assert_eq!(world.open(), Some(Reply::Opened));
        world
    }

    fn open(&mut self) -> Option<Reply> {
        let opening = Opening {
            order: order(),
            token: "t".into(),
        };
        self.ask(Request::Open(Box::new(opening)))
    }

    fn ask(&mut self, request: Request) -> Option<Reply> {
        let record_id = "r".to_owned();
        let request = Question { record_id, request };
        self.take(In::Asked { by: 1, request })
    }

    fn stage(&mut self) -> Option<Stage> {
        match self.ask(Request::Look { app_id: "a".into() }) {
            Some(Reply::Stage(stage)) => stage,
            other => panic!("{other:?}"),
        }
    }

    fn take(&mut self, input: Input) -> Option<Reply> {
        let mut replied = None;
        let mut inputs = vec![input];
        while let Some(input) = (!inputs.is_empty()).then(|| inputs.remove(0)) {
            for output in step(&mut self.upload, input, self.now_ms) {
                match output {
                    Out::Reply { reply, .. } => replied = Some(reply),
                    Out::Effect(Effect::Keep) => self.kept = self.upload.kept().cloned(),
                    Out::Effect(Effect::Send { socket, text }) => self.heard.push((socket, text.parse().unwrap())),
                    Out::Effect(Effect::Close { socket, code, .. }) => self.closed.push((socket, code)),
                    Out::Effect(Effect::Store { number, bytes, .. }) => {
                        if !self.store_fails {
                            self.store.insert(number, bytes.to_vec());
                        }
                        if !self.holds {
                            inputs.push(In::Event(Event::Stored { ok: !self.store_fails }));
                        }
                    }
                    Out::Effect(Effect::Begin(order)) => {
                        self.begun.push(*order);
                        inputs.push(In::Event(Event::Begun { ok: true }));
                    }
                }
            }
        }
        replied
    }

    fn event(&mut self, event: Event) {
        self.take(In::Event(event));
    }

    fn socket(&mut self, socket: u64, offset: u64) {
        let token = "t".to_owned();
        self.event(Event::Opened { socket, token, offset });
    }

    fn send(&mut self, socket: u64, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.event(Event::Bytes { socket, bytes });
    }

    fn end(&mut self, socket: u64) {
        let text = json!({ "end": true }).to_string();
        self.event(Event::Text { socket, text });
    }

    fn pass(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while let Some(at_ms) = self.upload.next_alarm().filter(|at_ms| *at_ms <= until_ms) {
            self.now_ms = at_ms.max(self.now_ms);
            self.take(In::Alarm);
        }
        self.now_ms = until_ms;
    }

    /// What has been confirmed last.
    fn confirmed(&self) -> u64 {
        let mut acks = self.heard.iter().rev().filter_map(|(_, frame)| frame["ack"].as_u64());
        acks.next().unwrap()
    }

    fn stored(&self) -> Vec<u8> {
        self.store.values().flatten().copied().collect()
    }
}

/// Bytes that are all different for long.
fn file(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| (place / 251 + place) as u8).collect()
}

#[test]
fn what_comes_is_confirmed_once_it_is_in_the_store_and_becomes_a_recording_at_the_end() {
    let mut world = World::new();
    assert_eq!(world.stage(), Some(Stage::Waits));
    world.socket(1, 0);
    let file = file(PIECE_BYTES + 100_000);
    for frame in file.chunks(200_000) {
        world.send(1, frame);
    }
    assert_eq!(world.confirmed(), PIECE_BYTES as u64);
    assert_eq!(world.stage(), Some(Stage::Comes));
    world.end(1);
    assert_eq!(world.confirmed(), file.len() as u64);
    assert_eq!(world.heard.last(), Some(&(1, json!({ "done": true }))));
    assert_eq!(world.closed, [(1, 1_000)]);
    assert_eq!(world.stored(), file);
    let parts: Vec<_> = world.begun[0]
        .parts
        .iter()
        .map(|part| (part.key.as_str(), part.bytes))
        .collect();
    let expected = [
        ("house/a/s/pieces/00000", PIECE_BYTES as u64),
        ("house/a/s/pieces/00001", 100_000),
    ];
    assert_eq!(parts, expected);
    assert_eq!((world.stage(), world.kept), (None, None));
}

#[test]
fn little_is_confirmed_after_some_seconds() {
    let mut world = World::new();
    world.socket(1, 0);
    world.send(1, b"abc");
    world.pass(4_999);
    assert_eq!(world.confirmed(), 0);
    world.pass(1);
    assert_eq!(world.confirmed(), 3);
}

#[test]
fn another_socket_goes_on_wherever_it_begins() {
    let mut world = World::new();
    world.socket(1, 0);
    world.send(1, b"abcdef");
    world.pass(5_000);
    world.send(1, b"ghi");
    world.event(Event::Closed {
        socket: 1,
        whole: false,
    });
    // It begins where the first one was confirmed, which does not know how much more has come.
    world.socket(2, 6);
    world.send(2, b"gh");
    world.send(2, b"ijkl");
    // One that knows nothing begins at the beginning.
    world.socket(3, 0);
    assert_eq!(world.closed, [(2, 4_001)]);
    world.send(3, b"abcdefghijklmn");
    world.send(2, b"late");
    world.end(3);
    assert_eq!(world.stored(), b"abcdefghijklmn");
    // What leaves a gap is not taken.
    let mut world = World::new();
    world.socket(1, 1);
    assert_eq!(world.closed, [(1, 4_009)]);
}

#[test]
fn who_shows_the_wrong_token_is_closed_and_who_sends_before_it_is_known() {
    let mut world = World::new();
    let token = "x".to_owned();
    world.event(Event::Opened {
        socket: 1,
        token,
        offset: 0,
    });
    world.send(2, b"abc");
    assert_eq!(world.closed, [(1, 4_002), (2, 4_009)]);
    assert_eq!(world.stage(), Some(Stage::Waits));
    assert_eq!(world.open(), Some(Reply::Taken));
    let look = Request::Look { app_id: "b".into() };
    assert_eq!(world.ask(look), Some(Reply::Stage(None)), "it is another app's");
}

#[test]
fn a_client_that_does_not_wait_is_closed_and_loses_nothing() {
    let mut world = World::new();
    world.holds = true;
    world.socket(1, 0);
    let file = file(3 * PIECE_BYTES);
    for frame in file.chunks(1 << 20) {
        world.send(1, frame);
    }
    assert_eq!(world.closed[0], (1, 4_009));
    world.holds = false;
    world.event(Event::Stored { ok: true });
    let taken = 2 * PIECE_BYTES as u64;
    world.socket(2, taken);
    assert_eq!(world.confirmed(), taken);
    for frame in file[taken as usize..].chunks(1 << 20) {
        world.send(2, frame);
    }
    world.end(2);
    assert_eq!(world.stored(), file);
}

#[test]
fn a_piece_that_the_store_does_not_take_is_sent_again() {
    let mut world = World::new();
    world.socket(1, 0);
    world.store_fails = true;
    world.send(1, b"abc");
    world.end(1);
    world.pass(60_000);
    assert_eq!((world.confirmed(), world.begun.len()), (0, 0));
    world.store_fails = false;
    world.pass(5_000);
    assert_eq!((world.stored(), world.begun.len()), (b"abc".to_vec(), 1));
}

#[test]
fn a_client_that_does_not_come_back_leaves_what_it_has_sent() {
    let mut world = World::new();
    world.socket(1, 0);
    world.send(1, b"abc");
    world.event(Event::Closed {
        socket: 1,
        whole: false,
    });
    world.pass(599_999);
    assert_eq!(world.begun.len(), 0);
    world.pass(1);
    assert_eq!(world.begun.len(), 1);
    // One that has sent nothing leaves nothing.
    let mut world = World::new();
    world.socket(1, 0);
    world.event(Event::Closed { socket: 1, whole: true });
    world.pass(24 * 3_600_000 - 1);
    assert_eq!(world.stage(), Some(Stage::Waits));
    world.pass(1);
    assert_eq!((world.stage(), world.begun.len()), (None, 0));
}

#[test]
fn a_page_that_closes_its_socket_has_sent_all() {
    let mut world = World::new();
    world.socket(1, 0);
    world.send(1, b"abc");
    world.event(Event::Closed { socket: 1, whole: true });
    assert_eq!((world.stored(), world.begun.len()), (b"abc".to_vec(), 1));
}

#[test]
fn what_was_confirmed_outlives_the_object() {
    let mut world = World::new();
    world.socket(1, 0);
    world.send(1, b"abc");
    world.pass(5_000);
    world.send(1, b"lost");
    world.upload = Upload::restore(world.kept.clone());
    // The socket is there still.
    world.send(1, b"more");
    assert_eq!(world.closed, [(1, 4_009)]);
    world.socket(2, 3);
    assert_eq!(world.confirmed(), 3);
    world.send(2, b"def");
    world.end(2);
    assert_eq!(world.stored(), b"abcdef");
}

#[test]
fn what_comes_slowly_for_a_day_fits_into_the_pieces_that_there_may_be() {
    let mut world = World::new();
    world.socket(1, 0);
    for _ in 0..18 * 3_600 {
        world.send(1, b"a second");
        world.pass(1_000);
    }
    assert!(world.closed.is_empty());
    assert!(
        world.store.len() < protocol::Joining::MOST_PIECES,
        "{}",
        world.store.len()
    );
}
