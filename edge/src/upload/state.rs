use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::contract::{Effect, Event, Input, Opening, Output, Question, Reply, Request, SocketId, Stage};
use super::pieces::{MOST_BYTES, PIECE_BYTES, Pieces, parts};
use crate::joining::Order;
use crate::object::Input as In;

/// An upload that nothing has come of for so long is forgotten.
const UNUSED_MS: u64 = 24 * 3_600_000;
/// One of which nothing more has come for so long is over.
const SILENT_MS: u64 = 600_000;
/// What a client has sent waits for so long for more, before it is put into the store and confirmed,
const FLUSH_MS: u64 = 5_000;
/// and this much longer for each thousand pieces that there are: one that comes slowly for hours must not have too many.
const SLOWER_MS: u64 = 30_000;
/// Before a store is asked again that has not taken a piece; it doubles with each try, up to [`FLUSH_MS`].
const PAUSE_MS: u64 = 500;
/// Those that have come before all are taken may be some more.
const MOST_PIECES: usize = protocol::Joining::MOST_PIECES - 4;
/// Bytes that a client may have sent and that are not in the store. More would be more than an object has memory for.
const WINDOW_BYTES: usize = 2 * PIECE_BYTES;
/// The longest frame.
const MAX_FRAME_BYTES: usize = 1 << 20;

const CLOSED_DONE: u16 = 1_000;
/// The same client has opened another socket.
const CLOSED_REPLACED: u16 = 4_001;
/// Another try is of no use.
const CLOSED_REFUSED: u16 = 4_002;
/// The client has to come again and go on behind what was confirmed.
const CLOSED_AHEAD: u16 = 4_009;

/// What is kept of an upload until a node has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    order: Order,
    token: String,
    /// Of the pieces that are in the store.
    sizes: Vec<u64>,
    opened_ms: u64,
    heard_ms: u64,
    /// Nothing more is taken.
    ends: bool,
}

/// An upload, in memory.
#[derive(Debug, Default)]
pub struct Upload {
    kept: Option<Kept>,
    socket: Option<SocketId>,
    /// Bytes of the socket's that have come by another one already.
    skip: u64,
    pieces: Pieces,
    /// Since when the first of them wait.
    since_ms: Option<u64>,
    /// The piece that is on its way into the store.
    storing: Option<Rc<Vec<u8>>>,
    /// How often it has not arrived, and when it is sent again.
    failures: u32,
    again_ms: Option<u64>,
    beginning: bool,
}

/// Applies one input. What [`Effect::Keep`] says has to be kept before anything else is done.
pub fn step(upload: &mut Upload, input: Input, now_ms: u64) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        In::Asked { by, request } => {
            let reply = upload.asked(request, now_ms, &mut out);
            out.push(Output::Reply { to: by, reply });
        }
        In::Event(event) => upload.happened(event, now_ms, &mut out),
        In::Alarm => {}
    }
    upload.due(now_ms, &mut out);
    out
}

fn effect(out: &mut Vec<Output>, effect: Effect) {
    out.push(Output::Effect(effect));
}

fn say(out: &mut Vec<Output>, socket: SocketId, frame: &Value) {
    let text = frame.to_string();
    effect(out, Effect::Send { socket, text });
}

impl Upload {
    pub fn restore(kept: Option<Kept>) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// When something is due, Unix milliseconds.
    pub fn next_alarm(&self) -> Option<u64> {
        let kept = self.kept.as_ref()?;
        let flush_ms = self.since_ms.filter(|_| self.storing.is_none());
        let flush_ms = flush_ms.map(|since_ms| since_ms.saturating_add(kept.flush_ms()));
        let over_ms = (!kept.ends).then(|| self.over_ms(kept));
        [flush_ms, self.again_ms, over_ms].into_iter().flatten().min()
    }

    fn asked(&mut self, question: Question, now_ms: u64, out: &mut Vec<Output>) -> Reply {
        match (question.request, &self.kept) {
            (Request::Open(_), Some(_)) => Reply::Taken,
            (Request::Open(opening), None) => {
                let Opening { order, token } = *opening;
                self.kept = Some(Kept {
                    order,
                    token,
                    sizes: Vec::new(),
                    opened_ms: now_ms,
                    heard_ms: now_ms,
                    ends: false,
                });
                effect(out, Effect::Keep);
                Reply::Opened
            }
            (Request::Look { app_id }, kept) => {
                let own = kept.as_ref().filter(|kept| kept.order.key.app_id == app_id);
                Reply::Stage(own.map(|kept| match self.taken(kept) {
                    _ if kept.ends => Stage::Ends,
                    0 => Stage::Waits,
                    _ => Stage::Comes,
                }))
            }
        }
    }

    fn happened(&mut self, event: Event, now_ms: u64, out: &mut Vec<Output>) {
        match event {
            Event::Opened { socket, token, offset } => self.opened(socket, &token, offset, now_ms, out),
            // Sockets outlive what is known of them in memory.
            Event::Bytes { socket, .. } | Event::Text { socket, .. } if self.socket != Some(socket) => {
                effect(out, close(socket, CLOSED_AHEAD, "open another socket"));
            }
            Event::Bytes { socket, bytes } => self.takes(socket, &bytes, now_ms, out),
            Event::Text { socket, text } => match text.parse::<Value>() {
                Ok(frame) if frame.get("end") == Some(&Value::Bool(true)) => self.ends(out),
                _ => say(out, socket, &json!({ "error": "a text has to be {\"end\": true}" })),
            },
            Event::Closed { socket, whole } if self.socket.is_none_or(|known| known == socket) => {
                self.socket = None;
                if whole && self.kept.as_ref().is_some_and(|kept| self.taken(kept) > 0) {
                    self.ends(out);
                }
            }
            Event::Stored { ok } => self.stored(ok, now_ms, out),
            Event::Begun { ok } => {
                self.beginning = false;
                if !ok {
                    self.try_again(now_ms);
                    return;
                }
                self.kept = None;
                effect(out, Effect::Keep);
                if let Some(socket) = self.socket.take() {
                    say(out, socket, &json!({ "done": true }));
                    effect(out, close(socket, CLOSED_DONE, "all has come"));
                }
            }
            Event::Closed { .. } => {}
        }
    }

    fn opened(&mut self, socket: SocketId, token: &str, offset: u64, now_ms: u64, out: &mut Vec<Output>) {
        let known = self.kept.as_ref().filter(|kept| !kept.ends && kept.token == token);
        let Some((confirmed, taken)) = known.map(|kept| (kept.confirmed(), self.taken(kept))) else {
            say(
                out,
                socket,
                &json!({ "error": "there is no such upload, or it is over" }),
            );
            return effect(out, close(socket, CLOSED_REFUSED, "there is no such upload"));
        };
        say(out, socket, &json!({ "ack": confirmed }));
        let Some(skip) = taken.checked_sub(offset) else {
            return effect(out, close(socket, CLOSED_AHEAD, "offset is behind what has come"));
        };
        if let Some(old) = self.socket.replace(socket) {
            effect(out, close(old, CLOSED_REPLACED, "the upload goes on by another socket"));
        }
        self.skip = skip;
        if let Some(kept) = &mut self.kept {
            kept.heard_ms = now_ms;
        }
    }

    fn takes(&mut self, socket: SocketId, bytes: &[u8], now_ms: u64, out: &mut Vec<Output>) {
        let Some(kept) = self.kept.as_mut().filter(|kept| !kept.ends) else {
            return;
        };
        kept.heard_ms = now_ms;
        let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= known as u64;
        let bytes = bytes.get(known..).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        let waiting = self.pieces.len() + self.storing.as_ref().map_or(0, |piece| piece.len());
        if bytes.len() > MAX_FRAME_BYTES || waiting + bytes.len() > WINDOW_BYTES {
            self.socket = None;
            return effect(
                out,
                close(socket, CLOSED_AHEAD, "wait for what is confirmed before you send more"),
            );
        }
        let taken = self.kept.as_ref().map_or(0, |kept| self.taken(kept));
        let has_room = self.kept.as_ref().is_some_and(|kept| kept.sizes.len() < MOST_PIECES);
        if taken + bytes.len() as u64 > MOST_BYTES || !has_room || self.pieces.push(bytes).is_err() {
            self.socket = None;
            effect(out, close(socket, CLOSED_REFUSED, "the file is longer than 4 GiB"));
            return self.ends(out);
        }
        self.since_ms.get_or_insert(now_ms);
    }

    fn stored(&mut self, ok: bool, now_ms: u64, out: &mut Vec<Output>) {
        let (Some(piece), Some(kept)) = (self.storing.clone(), self.kept.as_mut()) else {
            return;
        };
        if !ok {
            return self.try_again(now_ms);
        }
        kept.sizes.push(piece.len() as u64);
        let confirmed = kept.confirmed();
        self.storing = None;
        self.failures = 0;
        self.since_ms = (!self.pieces.is_empty()).then_some(now_ms);
        effect(out, Effect::Keep);
        if let Some(socket) = self.socket {
            say(out, socket, &json!({ "ack": confirmed }));
        }
    }

    fn try_again(&mut self, now_ms: u64) {
        let pause_ms = PAUSE_MS.saturating_mul(1 << self.failures.min(8)).min(FLUSH_MS);
        self.failures = self.failures.saturating_add(1);
        self.again_ms = Some(now_ms.saturating_add(pause_ms));
    }

    fn ends(&mut self, out: &mut Vec<Output>) {
        if let Some(kept) = self.kept.as_mut().filter(|kept| !kept.ends) {
            kept.ends = true;
            effect(out, Effect::Keep);
        }
    }

    /// What follows because time has passed, or because of what has happened.
    fn due(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let over_ms = self
            .kept
            .as_ref()
            .filter(|kept| !kept.ends)
            .map(|kept| self.over_ms(kept));
        if over_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.gives_up(out);
        }
        if self.again_ms.is_some_and(|at_ms| at_ms > now_ms) {
            return;
        }
        let Some(kept) = &mut self.kept else {
            return;
        };
        let repeats = self.again_ms.take().is_some();
        if let Some(piece) = &self.storing {
            if repeats {
                effect(out, kept.storing(piece));
            }
            return;
        }
        let is_due = self
            .since_ms
            .is_some_and(|since_ms| since_ms.saturating_add(kept.flush_ms()) <= now_ms);
        let piece = match is_due || kept.ends {
            true => self.pieces.rest(),
            false => self.pieces.whole(),
        };
        if let Some(piece) = piece {
            let piece = Rc::new(piece);
            effect(out, kept.storing(&piece));
            self.storing = Some(piece);
            self.since_ms = None;
            return;
        }
        if kept.ends && !self.beginning {
            self.beginning = true;
            let mut order = kept.order.clone();
            order.parts = parts(&order, &kept.sizes);
            effect(out, Effect::Begin(Box::new(order)));
        }
    }

    /// The client does not come back, or the store takes nothing.
    fn gives_up(&mut self, out: &mut Vec<Output>) {
        if let Some(socket) = self.socket.take() {
            effect(out, close(socket, CLOSED_REFUSED, "nothing has come for too long"));
        }
        let has_any = self.kept.as_ref().is_some_and(|kept| {
            let waits = self.failures == 0 && self.taken(kept) > 0;
            waits || !kept.sizes.is_empty()
        });
        if self.failures > 0 {
            self.pieces.clear();
            self.storing = None;
            self.again_ms = None;
        }
        match has_any {
            true => self.ends(out),
            false => {
                self.kept = None;
                effect(out, Effect::Keep);
            }
        }
    }

    /// Bytes that have come, in the store or not.
    fn taken(&self, kept: &Kept) -> u64 {
        let storing = self.storing.as_ref().map_or(0, |piece| piece.len());
        kept.confirmed() + (storing + self.pieces.len()) as u64
    }

    /// When it is given up if nothing comes.
    fn over_ms(&self, kept: &Kept) -> u64 {
        match self.taken(kept) {
            0 => kept.opened_ms.saturating_add(UNUSED_MS),
            _ => kept.heard_ms.saturating_add(SILENT_MS),
        }
    }
}

impl Kept {
    /// Bytes that are in the store.
    fn confirmed(&self) -> u64 {
        self.sizes.iter().sum()
    }

    fn flush_ms(&self) -> u64 {
        FLUSH_MS + SLOWER_MS * self.sizes.len() as u64 / 1_000
    }

    fn storing(&self, piece: &Rc<Vec<u8>>) -> Effect {
        Effect::Store {
            order: Box::new(self.order.clone()),
            number: self.sizes.len(),
            bytes: Rc::clone(piece),
        }
    }
}

fn close(socket: SocketId, code: u16, reason: &'static str) -> Effect {
    Effect::Close { socket, code, reason }
}
