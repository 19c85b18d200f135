//! What the rooms of one app have in common: which there are, which of them are connected with one another, who is blocked, and
//! which servers are taken out of use. One writer for all of it, so that two rooms that connect with a third at once come to be
//! one set. Pure; it does not know what a room is like inside.
//!
//! The sets have no objects of their own: connecting makes one set of two, of which one object would have to give way while calls
//! for both are on their way, and rooms of two apps are never connected. Media and frames do not pass here. It is asked when a
//! room begins or ends, when rooms are connected or separated, and when somebody joins.

mod contract;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::limits::{AGAIN_MS, MAX_SET};
use super::problem::Problem;
use crate::object::{self, CallId};
pub use contract::{Effect, Event, Input, Output, Question, Reply, Request};

/// Rooms of one app, blocked users, servers that are out of use.
const MAX_ROOMS: usize = 100_000;
const MAX_BLOCKED: usize = 100_000;
const MAX_RECYCLED: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lobby {
    #[serde(default)]
    app_id: String,
    /// Each is kept on its own, since an app may have many.
    #[serde(default, skip_serializing)]
    rooms: BTreeMap<String, Known>,
    /// The version of what was told last.
    version: u64,
    #[serde(default)]
    blocked: BTreeSet<String>,
    #[serde(default)]
    recycled: BTreeSet<String>,
    /// Rooms that have not heard yet what they are connected with.
    #[serde(default)]
    untold: BTreeMap<String, u64>,
    /// Those that are being told.
    #[serde(skip)]
    telling: BTreeSet<String>,
    /// Who waits until these rooms have been told.
    #[serde(skip)]
    waiting: Vec<(CallId, BTreeSet<String>)>,
    #[serde(skip)]
    again_ms: Option<u64>,
    /// Rooms that are not kept as they are, and whether the rest is not.
    #[serde(skip)]
    changed: BTreeSet<String>,
    #[serde(skip)]
    has_changed: bool,
}

/// What has to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// `None` for a room that is over.
    pub rooms: Vec<(String, Option<Known>)>,
    /// All but the rooms.
    pub rest: bool,
}

/// What is kept of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    live: bool,
    /// The set that it is in; rooms of the same set are connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<u64>,
}

/// Applies one input.
pub fn step(lobby: &mut Lobby, input: Input, now_ms: u64) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        object::Input::Asked { by, request } => {
            if lobby.app_id != request.app_id {
                lobby.app_id = request.app_id;
                lobby.has_changed = true;
            }
            let changes = !matches!(
                request.request,
                Request::Merged { .. } | Request::Count | Request::Admit { .. } | Request::Recycled
            );
            let (reply, told) = lobby.asked(request.request, now_ms);
            if changes {
                out.push(Output::Effect(Effect::Save));
            }
            match told.is_empty() {
                true => out.push(Output::Reply { to: by, reply }),
                false => lobby.waiting.push((by, told)),
            }
            // A room that is over is waited for no longer.
            lobby.answer(&mut out);
        }
        object::Input::Event(Event::Told { room_id, version, ok }) => {
            lobby.told(&room_id, version, ok, now_ms, &mut out);
            out.push(Output::Effect(Effect::Save));
        }
        object::Input::Alarm => {
            lobby.again_ms.take_if(|at_ms| *at_ms <= now_ms);
        }
    }
    lobby.tell(now_ms, &mut out);
    out
}

impl Lobby {
    /// The lobby with its rooms. What was being told when the object went is told again.
    pub fn restored(mut self, rooms: impl IntoIterator<Item = (String, Known)>, now_ms: u64) -> Self {
        // Those that were kept with the rest.
        self.changed = self.rooms.keys().cloned().collect();
        self.rooms.extend(rooms);
        self.again_ms = (!self.untold.is_empty()).then_some(now_ms);
        self
    }

    /// As [`Self::restored`] takes them.
    #[cfg(test)]
    pub(super) fn rooms_kept(&self) -> BTreeMap<String, Known> {
        self.rooms.clone()
    }

    /// What has changed since this was asked last.
    pub fn take_changes(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let room = |room_id: String| {
            let known = self.rooms.get(&room_id).cloned();
            (room_id, known)
        };
        Changes {
            rooms: changed.map(room).collect(),
            rest: std::mem::take(&mut self.has_changed),
        }
    }

    pub fn next_alarm(&self) -> Option<u64> {
        self.again_ms
    }

    /// The answer, and the rooms that are to be told before it is given.
    fn asked(&mut self, request: Request, now_ms: u64) -> (Reply, BTreeSet<String>) {
        let nobody = BTreeSet::new();
        match request {
            Request::Enter { room_id, live } => {
                if self.rooms.len() >= MAX_ROOMS {
                    return (Reply::Denied(Problem::TooManyConnections), nobody);
                }
                self.changed.insert(room_id.clone());
                // One that tells it twice may have been connected meanwhile.
                let set = self.rooms.get(&room_id).filter(|known| known.live == live);
                let set = set.and_then(|known| known.set);
                let version = self.version;
                if set.is_some() {
                    self.version = version.saturating_add(1).max(now_ms);
                    self.untold.insert(room_id.clone(), self.version);
                    self.has_changed = true;
                }
                self.rooms.insert(room_id, Known { live, set });
                (Reply::Entered { version }, nobody)
            }
            Request::Leave { room_id } => {
                self.separate(&room_id, now_ms);
                self.rooms.remove(&room_id);
                self.has_changed |= self.untold.remove(&room_id).is_some();
                for (_, rooms) in &mut self.waiting {
                    rooms.remove(&room_id);
                }
                self.changed.insert(room_id);
                (Reply::Done, nobody)
            }
            Request::Merge { room_id, other } => match self.merge(&room_id, &other, now_ms) {
                Ok(told) => (Reply::Done, told),
                Err(problem) => (Reply::Denied(problem), nobody),
            },
            Request::Separate { room_id } => match self.rooms.get(&room_id).map(|known| known.set) {
                Some(Some(_)) => (Reply::Done, self.separate(&room_id, now_ms)),
                _ => (Reply::Denied(Problem::NoOtherRoom), nobody),
            },
            Request::Merged { room_id } => {
                let mut rooms = self.set_of(&room_id);
                rooms.retain(|known| *known != room_id);
                (Reply::Rooms(rooms), nobody)
            }
            Request::Count => (Reply::Count(self.rooms.len()), nobody),
            Request::Admit { user_id } => (Reply::Admitted(!self.blocked.contains(&user_id)), nobody),
            Request::Block { user_id } => {
                if self.blocked.len() >= MAX_BLOCKED {
                    return (Reply::Denied(Problem::TooManyConnections), nobody);
                }
                self.has_changed |= self.blocked.insert(user_id);
                (Reply::Done, nobody)
            }
            Request::Recycle { node_id, again } => {
                self.has_changed = true;
                match again {
                    true => self.recycled.remove(&node_id),
                    false => self.recycled.len() < MAX_RECYCLED && self.recycled.insert(node_id),
                };
                (Reply::Done, nobody)
            }
            Request::Recycled => (Reply::Nodes(self.recycled.iter().cloned().collect()), nobody),
        }
    }

    /// The rooms of a room's set, itself among them.
    pub(super) fn set_of(&self, room_id: &str) -> Vec<String> {
        let set = self.rooms.get(room_id).and_then(|known| known.set);
        let Some(set) = set else {
            return vec![room_id.to_owned()];
        };
        let rooms = self.rooms.iter().filter(|(_, known)| known.set == Some(set));
        rooms.map(|(room_id, _)| room_id.clone()).collect()
    }

    fn merge(&mut self, room_id: &str, other: &str, now_ms: u64) -> Result<BTreeSet<String>, Problem> {
        let live = |room_id: &str| self.rooms.get(room_id).is_some_and(|known| known.live);
        if !self.rooms.contains_key(room_id) {
            return Err(Problem::NoRoom);
        }
        if !live(room_id) {
            return Err(Problem::WrongKind);
        }
        if !live(other) || room_id == other {
            return Err(Problem::NoOtherRoom);
        }
        let both = self.set_of(room_id);
        if both.iter().any(|known| known == other) {
            return Err(Problem::Merged);
        }
        let both: BTreeSet<_> = both.into_iter().chain(self.set_of(other)).collect();
        if both.len() > MAX_SET {
            return Err(Problem::Full);
        }
        self.version = self.version.saturating_add(1).max(now_ms);
        for room_id in &both {
            if let Some(known) = self.rooms.get_mut(room_id) {
                known.set = Some(self.version);
            }
            self.changed.insert(room_id.clone());
            self.untold.insert(room_id.clone(), self.version);
        }
        self.has_changed = true;
        Ok(both)
    }

    /// Takes a room out of its set. Returns all that have to hear of it. A set of one is none.
    fn separate(&mut self, room_id: &str, now_ms: u64) -> BTreeSet<String> {
        let all: BTreeSet<_> = self.set_of(room_id).into_iter().collect();
        if all.len() < 2 {
            return BTreeSet::new();
        }
        self.version = self.version.saturating_add(1).max(now_ms);
        let is_over = all.len() == 2;
        for known_id in &all {
            if let Some(known) = self.rooms.get_mut(known_id)
                && (is_over || known_id == room_id)
            {
                known.set = None;
                self.changed.insert(known_id.clone());
            }
            self.untold.insert(known_id.clone(), self.version);
        }
        self.has_changed = true;
        all
    }

    fn told(&mut self, room_id: &str, version: u64, ok: bool, now_ms: u64, out: &mut Vec<Output>) {
        self.telling.remove(room_id);
        match ok {
            true => {
                self.has_changed = true;
                self.untold
                    .retain(|known, wanted| known != room_id || *wanted > version);
            }
            false => self.again_ms = Some(now_ms.saturating_add(AGAIN_MS)),
        }
        // Who waits is answered even if a room did not hear: it is told until it has.
        for (_, rooms) in &mut self.waiting {
            rooms.remove(room_id);
        }
        self.answer(out);
    }

    /// Answers those who wait for nobody any more.
    fn answer(&mut self, out: &mut Vec<Output>) {
        let (done, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, rooms)| rooms.is_empty());
        self.waiting = waiting;
        let done: Vec<(CallId, BTreeSet<String>)> = done;
        out.extend(done.into_iter().map(|(to, _)| Output::Reply { to, reply: Reply::Done }));
    }

    fn tell(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        if self.again_ms.is_some_and(|at_ms| at_ms > now_ms) {
            return;
        }
        let due: Vec<_> = self
            .untold
            .iter()
            .filter(|(room_id, _)| !self.telling.contains(*room_id))
            .collect();
        let due: Vec<_> = due
            .into_iter()
            .map(|(room_id, version)| (room_id.clone(), *version))
            .collect();
        for (room_id, version) in due {
            self.telling.insert(room_id.clone());
            let room_ids = self.set_of(&room_id);
            out.push(Output::Effect(Effect::Tell {
                app_id: self.app_id.clone(),
                room_id,
                version,
                room_ids,
            }));
        }
    }
}

#[cfg(test)]
mod tests;
