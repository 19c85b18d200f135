//! What clients say.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{RoomAction, RoomSource};
use serde_json::Value;

use super::contract::{Effect, Errand, Join, Purpose, Wanted};
use super::limits::{MAX_FRAME_BYTES, MAX_FRAMES, MAX_MESSAGE_BYTES, MAX_WISHES};
use super::offer;
use super::problem::Problem;
use super::signal::{FromClient, Unread};
use super::terms::{Side, SocketId};
use super::turn::{CLOSED_OVER, Turn};

impl Turn<'_> {
    pub(super) fn said(&mut self, socket: SocketId, text: &str) {
        if self.floods(socket) {
            return;
        }
        let read = match text.len() {
            0..=MAX_FRAME_BYTES => serde_json::from_slice::<FromClient>(text.as_bytes()).ok(),
            _ => None,
        };
        let peer_id = self.room.sockets.get(&socket).cloned();
        let (frame, peer_id) = match (read, peer_id) {
            (
                Some(FromClient::Join {
                    id,
                    peer_id,
                    token,
                    resume,
                    seen,
                }),
                _,
            ) => {
                let join = Join {
                    id,
                    peer_id,
                    token,
                    resume,
                    seen,
                };
                return self.joins(socket, join);
            }
            (Some(frame), Some(peer_id)) => (frame, peer_id),
            (_, known) => {
                let unread: Unread = serde_json::from_slice(text.as_bytes()).unwrap_or_default();
                let problem = if known.is_some() {
                    Problem::Invalid
                } else {
                    Problem::Illegal
                };
                return self.refuse(socket, unread.id, problem);
            }
        };
        let now_ms = self.now_ms;
        if let Some(peer) = self.room.peers.get_mut(&peer_id) {
            peer.heard_ms = now_ms;
        }
        let (id, done) = match frame {
            FromClient::Join { id, .. } => (id, Err(Problem::Connected)),
            FromClient::Publish { id, sdp, sources } => (id, self.publishes(&peer_id, id, sdp, sources)),
            FromClient::Subscribe { id, sdp } => (id, self.subscribes(&peer_id, id, sdp)),
            FromClient::Restart { id, pc, sdp } => (id, self.restarts(&peer_id, id, pc, sdp)),
            FromClient::Prefer { id, track_id, height } => (id, self.prefers(&peer_id, track_id, height)),
            FromClient::Mute { id, track_id, on } => (id, self.mutes(&peer_id, &track_id, on)),
            FromClient::Msg { id, to, data } => (id, self.writes(&peer_id, to, &data)),
            FromClient::Leave {} => {
                self.leave(&peer_id);
                (0, Ok(()))
            }
        };
        if let Err(problem) = done {
            self.refuse(socket, id, problem);
        }
    }

    /// Whether a client says too much, which it does only once.
    fn floods(&mut self, socket: SocketId) -> bool {
        let second = self.now_ms / 1_000;
        let said = self.room.said.entry(socket).or_default();
        if said.0 != second && said.1 <= MAX_FRAMES {
            *said = (second, 0);
        }
        said.1 = said.1.saturating_add(1);
        let count = said.1;
        if count == MAX_FRAMES + 1 {
            let reason = "too many frames in a second";
            match self.room.sockets.get(&socket).cloned() {
                Some(peer_id) => self.dismiss(&peer_id, Problem::Invalid, reason),
                None => self.effect(Effect::Close {
                    socket,
                    code: CLOSED_OVER,
                    reason: reason.to_owned(),
                }),
            }
        }
        count > MAX_FRAMES
    }

    fn writes(&mut self, from: &str, to: Option<Vec<String>>, data: &Value) -> Result<(), Problem> {
        if data.to_string().len() > MAX_MESSAGE_BYTES {
            return Err(Problem::TooLong);
        }
        let all = || {
            self.room
                .peers
                .keys()
                .filter(|peer_id| *peer_id != from)
                .cloned()
                .collect()
        };
        let named = to.is_some();
        let to: BTreeSet<String> = to.map_or_else(all, |to| to.into_iter().collect());
        let missing = to.iter().any(|peer_id| !self.room.peers.contains_key(peer_id));
        let n = self.number();
        for peer_id in to {
            self.message(&peer_id, n, Some(from), data);
        }
        match named && missing {
            true => Err(Problem::NotInRoom),
            false => Ok(()),
        }
    }

    fn publishes(
        &mut self,
        peer_id: &str,
        id: u64,
        sdp: String,
        sources: BTreeMap<String, RoomSource>,
    ) -> Result<(), Problem> {
        let (audio, video) = self.may_publish(peer_id);
        let may = |source: &RoomSource| match source {
            RoomSource::Audio => audio,
            RoomSource::Camera | RoomSource::Screen => video,
        };
        if !sources.values().all(may) || !(audio || video) {
            return Err(Problem::CannotPublish);
        }
        let different: BTreeSet<_> = sources.values().collect();
        if different.len() != sources.len() || sources.keys().any(|mid| mid.len() > 32) {
            return Err(Problem::Invalid);
        }
        self.connects_media(peer_id, id, Side::Publish, sdp, Purpose::Publish(sources))
    }

    fn subscribes(&mut self, peer_id: &str, id: u64, sdp: String) -> Result<(), Problem> {
        let may = self.room.peers.get(peer_id).map(|peer| peer.may).unwrap_or_default();
        if !may.play {
            return Err(Problem::CannotPlay);
        }
        let purpose = Purpose::Subscribe {
            origin: offer::origin(&sdp),
            sections: offer::slots(&sdp),
        };
        self.connects_media(peer_id, id, Side::Subscribe, sdp, purpose)
    }

    fn restarts(&mut self, peer_id: &str, id: u64, side: Side, sdp: String) -> Result<(), Problem> {
        let peer = self.room.peers.get(peer_id).ok_or(Problem::NotInRoom)?;
        let Some(connection) = peer.connection(side).cloned() else {
            return Err(Problem::NoRouter);
        };
        self.begin_asking(peer_id, side)?;
        let ask = self.ask(RoomAction::Restart {
            connection: connection.id.clone(),
            sdp,
        });
        let errand = Errand {
            peer_id: peer_id.to_owned(),
            id,
            side,
            connection: connection.id,
            purpose: Purpose::Restart,
        };
        self.effect(Effect::Media {
            wanted: Wanted::Only(connection.node_id),
            errand,
            ask,
        });
        Ok(())
    }

    fn mutes(&mut self, peer_id: &str, track_id: &str, on: bool) -> Result<(), Problem> {
        let peer = self.peer_mut(peer_id).ok_or(Problem::NotInRoom)?;
        let track = peer.tracks.get_mut(track_id).ok_or(Problem::NoTrack)?;
        track.muted = !on;
        let track = *track;
        self.room.moved = true;
        self.shows_track(peer_id, track_id, track);
        Ok(())
    }

    fn prefers(&mut self, peer_id: &str, track_id: String, height: u32) -> Result<(), Problem> {
        let own = self.room.peers.get(peer_id).map(|peer| &peer.tracks);
        let published = self.published().into_iter().map(|track| track.track_id);
        let visible: BTreeSet<_> = published
            .filter(|track_id| own.is_none_or(|own| !own.contains_key(track_id)))
            .collect();
        if !visible.contains(&track_id) {
            return Err(Problem::NoTrack);
        }
        let peer = self.peer_mut(peer_id).ok_or(Problem::NotInRoom)?;
        peer.wishes.retain(|track_id, _| visible.contains(track_id));
        if peer.wishes.len() >= MAX_WISHES && !peer.wishes.contains_key(&track_id) {
            return Err(Problem::Invalid);
        }
        peer.wishes.insert(track_id, height);
        self.room.moved = true;
        Ok(())
    }
}
