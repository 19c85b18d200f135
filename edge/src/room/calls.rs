//! What the back end of the room's owner asks.

use std::collections::BTreeSet;

use protocol::RoomAction;
use serde_json::Value;

use super::contract::{Effect, Output, Question, Reply, Request, Row, View};
use super::limits::{MAX_INVITED, MAX_MIRRORS};
use super::problem::Problem;
use super::signal::ToClient;
use super::spec::{Creation, Kind, Raised, Role, Spec};
use super::terms::{Server, Side};
use super::turn::Turn;
use crate::object::CallId;

impl Turn<'_> {
    pub(super) fn asked(&mut self, by: CallId, question: Question) {
        let Question {
            room_id,
            app_id,
            request,
        } = question;
        if let Request::Create(creation) = request {
            return self.creates(by, room_id, app_id, *creation);
        }
        let reply = match self.spec() {
            Some(_) if self.room.kept.app_id == app_id => self.carries_out(request),
            _ => Err(Problem::NoRoom),
        };
        let reply = reply.unwrap_or_else(Reply::Denied);
        self.reply(by, reply);
    }

    fn reply(&mut self, to: CallId, reply: Reply) {
        self.out.push(Output::Reply { to, reply });
    }

    /// An id stays that of the app which had it first.
    fn creates(&mut self, by: CallId, room_id: String, app_id: String, creation: Creation) {
        let kept = &self.room.kept;
        let is_foreign = !kept.app_id.is_empty() && kept.app_id != app_id;
        // What the lobby has not heard of the end of the last one could end the new one.
        if is_foreign || kept.leaves {
            return self.reply(by, Reply::Taken);
        }
        if let Some(spec) = self.spec() {
            let reply = match spec.master_id == creation.master_id {
                true => Reply::Denied(Problem::Exists),
                false => Reply::Taken,
            };
            return self.reply(by, reply);
        }
        self.room.kept.room_id = room_id;
        self.room.kept.app_id = app_id;
        self.room.kept.spec = Some(Box::new(Spec::new(creation, self.now_ms)));
        self.room.changed.insert(Row::ROOM.to_owned());
        self.room.creating.push(by);
    }

    pub(super) fn registered(&mut self, ok: bool, version: u64) {
        self.room.registering = false;
        let creating = std::mem::take(&mut self.room.creating);
        match ok {
            true => {
                if let Some(spec) = self.spec_mut() {
                    spec.registered = true;
                    spec.merged_version = spec.merged_version.max(version);
                }
                // They may have come before the room.
                let (app_id, room_id) = (self.room.kept.app_id.clone(), self.room.kept.room_id.clone());
                self.effect(Effect::Ask { app_id, room_id });
            }
            // Nobody knows of it but the caller, who is told that it is not there.
            false if !creating.is_empty() => {
                self.room.kept.spec = None;
                self.room.changed.insert(Row::ROOM.to_owned());
            }
            false => self.room.try_again(self.now_ms),
        }
        for by in creating {
            let view = ok.then(|| self.view()).flatten();
            let reply = view.map_or(Reply::Denied(Problem::System), |view| Reply::Created(Box::new(view)));
            self.reply(by, reply);
        }
    }

    pub(super) fn left_lobby(&mut self, ok: bool) {
        self.room.registering = false;
        if !ok {
            return self.room.try_again(self.now_ms);
        }
        self.room.kept.leaves = false;
        self.room.changed.insert(Row::ROOM.to_owned());
    }

    pub(super) fn tell_lobby(&mut self) {
        let waits = self.room.again_ms.is_some_and(|at_ms| at_ms > self.now_ms);
        if self.room.registering || waits {
            return;
        }
        let (app_id, room_id) = (self.room.kept.app_id.clone(), self.room.kept.room_id.clone());
        let effect = match self.spec() {
            Some(spec) if !spec.registered => Effect::Register {
                app_id,
                room_id,
                live: spec.is_live(),
            },
            None if self.room.kept.leaves => Effect::Leave { app_id, room_id },
            _ => return,
        };
        self.room.registering = true;
        self.effect(effect);
    }

    fn view(&self) -> Option<View> {
        let spec = self.spec()?;
        let members = self
            .room
            .peers
            .keys()
            .filter(|peer_id| spec.role(peer_id) != Role::Audience);
        Some(View {
            room_id: self.room.kept.room_id.clone(),
            spec: spec.clone(),
            members: members.cloned().collect(),
            total: self.room.peers.len(),
        })
    }

    fn carries_out(&mut self, request: Request) -> Result<Reply, Problem> {
        let is_live = self.spec().is_some_and(Spec::is_live);
        match request {
            // Answered before.
            Request::Create(_) => return Err(Problem::System),
            Request::Look => {
                let view = self.view().ok_or(Problem::NoRoom)?;
                return Ok(Reply::View(Box::new(view)));
            }
            Request::Has { peer_id } => return Ok(Reply::Has(self.room.peers.contains_key(&peer_id))),
            Request::End => self.ends(),
            Request::Invite { user_ids } => self.invites(user_ids)?,
            Request::Say { to, data } => self.says(to, &data)?,
            Request::Gate { open } => {
                if let Some(spec) = self.spec_mut() {
                    spec.open = open;
                }
            }
            Request::Expel { peer_id } => {
                self.require(&peer_id)?;
                self.disconnects(&peer_id);
                self.dismiss(&peer_id, Problem::NotInRoom, "you have been removed from the room");
            }
            Request::Mirror(server) if is_live => self.mirrors(server)?,
            Request::Raise {
                peer_id,
                video,
                max_bitrate,
            } if is_live => self.raises(&peer_id, Raised { video, max_bitrate })?,
            Request::Lower { peer_id } if is_live => self.lowers(&peer_id)?,
            Request::Mirror(_) | Request::Raise { .. } | Request::Lower { .. } => return Err(Problem::WrongKind),
            Request::Pause { track_id, paused } => self.pauses(&track_id, paused)?,
            Request::Record { record_id, over } => {
                let spec = self.spec_mut().ok_or(Problem::NoRoom)?;
                if spec.record_id.is_some() && spec.record_id != over {
                    return Err(Problem::Recording);
                }
                spec.record_id = Some(record_id);
            }
            Request::Unrecord { record_id } => {
                if let Some(spec) = self.spec_mut()
                    && spec.record_id.as_ref() == Some(&record_id)
                {
                    spec.record_id = None;
                }
            }
            Request::Connect { version, room_ids } => self.connects(version, room_ids),
            Request::Shared {
                from,
                version,
                tracks,
                heard,
            } => self.takes_shared(&from, version, tracks, heard)?,
            Request::Roster { users } => self.lists(users),
            Request::Restarted { node_id, at_ms } => self.restarted(&node_id, at_ms),
            Request::News {
                node_id,
                events,
                unshown,
            } => {
                self.news(&node_id, events);
                self.stays_empty(unshown);
            }
        }
        Ok(Reply::Done)
    }

    fn require(&self, peer_id: &str) -> Result<(), Problem> {
        match self.room.peers.contains_key(peer_id) {
            true => Ok(()),
            false => Err(Problem::NotInRoom),
        }
    }

    /// Ends the room: everybody is sent away.
    pub(super) fn ends(&mut self) {
        let peer_ids: Vec<_> = self.room.peers.keys().cloned().collect();
        for peer_id in peer_ids {
            self.dismiss(&peer_id, Problem::NoRoom, "the room has ended");
        }
        for room_id in std::mem::take(&mut self.room.others).into_keys() {
            self.room.changed.insert(Row::name_of_other(&room_id));
        }
        self.stops_playing();
        self.room.moved = false;
        self.room.kept.spec = None;
        self.room.kept.leaves = true;
        self.room.changed.insert(Row::ROOM.to_owned());
    }

    fn invites(&mut self, user_ids: Vec<String>) -> Result<(), Problem> {
        let spec = self.spec_mut().ok_or(Problem::NoRoom)?;
        let Kind::Conversation { invited, .. } = &mut spec.kind else {
            return Err(Problem::WrongKind);
        };
        let new = user_ids.iter().filter(|user_id| !invited.contains(*user_id)).count();
        if invited.len() + new > MAX_INVITED {
            return Err(Problem::Full);
        }
        invited.extend(user_ids);
        Ok(())
    }

    /// To peers that are not there, nothing is said, and nobody is told so before the others have heard it.
    fn says(&mut self, to: Option<Vec<String>>, data: &Value) -> Result<(), Problem> {
        let all = to.is_none();
        let everybody = || self.room.peers.keys().cloned().collect();
        let to: BTreeSet<String> = to.map_or_else(everybody, |to| to.into_iter().collect());
        let (n, mut missing) = (self.number(), false);
        for peer_id in to {
            missing |= !self.room.peers.contains_key(&peer_id);
            self.message(&peer_id, n, None, data);
        }
        match missing && !all {
            true => Err(Problem::NotInRoom),
            false => Ok(()),
        }
    }

    fn mirrors(&mut self, server: Server) -> Result<(), Problem> {
        let spec = self.spec_mut().ok_or(Problem::NoRoom)?;
        if spec.servers().any(|known| known.node_id == server.node_id) {
            return Err(Problem::Mirrored);
        }
        if spec.mirrors.len() >= MAX_MIRRORS {
            return Err(Problem::NoServer);
        }
        spec.mirrors.push(server);
        Ok(())
    }

    fn raises(&mut self, peer_id: &str, raised: Raised) -> Result<(), Problem> {
        self.require(peer_id)?;
        let spec = self.spec_mut().ok_or(Problem::NoRoom)?;
        let is_master = spec.master_id == peer_id;
        let Kind::Live { raised: list } = &mut spec.kind else {
            return Err(Problem::Invalid);
        };
        if is_master {
            return Err(Problem::Invalid);
        }
        if list.len() >= MAX_INVITED && !list.contains_key(peer_id) {
            return Err(Problem::Full);
        }
        list.insert(peer_id.to_owned(), raised);
        self.changes_role(peer_id);
        Ok(())
    }

    fn lowers(&mut self, peer_id: &str) -> Result<(), Problem> {
        let spec = self.spec_mut().ok_or(Problem::NoRoom)?;
        let Kind::Live { raised } = &mut spec.kind else {
            return Err(Problem::Invalid);
        };
        if raised.remove(peer_id).is_none() {
            return Err(Problem::NotInRoom);
        }
        self.ends_connection(peer_id, Side::Publish, "the user may not publish any longer");
        self.changes_role(peer_id);
        Ok(())
    }

    /// Tells a peer, the others and its node what it may do from now on.
    fn changes_role(&mut self, peer_id: &str) {
        let Some(role) = self.spec().map(|spec| spec.role(peer_id)) else {
            return;
        };
        let max_bitrate = self.max_bitrate(peer_id);
        let frame = ToClient::Role {
            role: role.name(),
            can: self.can(peer_id),
            max_bitrate,
        };
        self.tell(peer_id, &frame);
        let known = ToClient::Peer {
            peer_id,
            state: "joined",
            role: Some(role.name()),
        };
        self.tell_all(Some(peer_id), &known);
        let publishing = self.room.peers.get(peer_id).and_then(|peer| peer.publishing.clone());
        if let Some(connection) = publishing {
            let (audio, video) = self.may_publish(peer_id);
            let action = RoomAction::Allow {
                peer_id: peer_id.to_owned(),
                audio,
                video,
                max_bitrate,
            };
            let ask = self.ask(action);
            self.effect(Effect::Order {
                node_id: connection.node_id,
                ask,
            });
        }
    }
}
