//! A channel whose users and streams a test moves.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::{Roster, RosterStream, RosterUser, Selection, StreamName, StreamTypes, Subscription, VideoQuality};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ports::{Captures, Rosters};
use super::{Presence, Shared};
use crate::capture::{CaptureRequest, KeyframeWish, Wanted};
use crate::channel::{Credentials, RosterError};
use crate::record::Options;
use crate::record::status::SharedBoard;
use crate::record::testing::Coded;
use crate::stream::{AccessUnit, Clock, StreamEnd, StreamEvent, Track};

/// What the recorder of a test has, which decodes what it takes and has no keys.
pub fn shared(clock: Clock, board: SharedBoard) -> Shared {
    Shared {
        clock,
        board,
        options: Options::default(),
        decodes: true,
        keys: None,
        presence: Presence::Bystanders,
        followed: Default::default(),
        interruption: CancellationToken::new(),
    }
}

pub struct FakeRosters(pub mpsc::Receiver<Roster>);

impl Rosters for FakeRosters {
    async fn next(&mut self) -> Result<Roster, RosterError> {
        match self.0.recv().await {
            Some(roster) => Ok(roster),
            None => std::future::pending().await,
        }
    }

    fn credentials(&self, _: &str) -> Option<Credentials> {
        None
    }

    fn is_foreign(&self) -> bool {
        false
    }
}

/// Sessions by URL, in the order of their opening; without one a stream cannot be reached.
#[derive(Clone, Default)]
pub struct FakeCaptures(Arc<Mutex<Sessions>>);

#[derive(Default)]
struct Sessions {
    sessions: HashMap<String, VecDeque<mpsc::Receiver<StreamEvent>>>,
    opened: Vec<(String, Wanted)>,
    wishes: Vec<KeyframeWish>,
}

impl FakeCaptures {
    pub fn session(&self, stream: &str) -> mpsc::Sender<StreamEvent> {
        let (sender, receiver) = mpsc::channel(16);
        let url = format!("{stream}?key=hunter2");
        self.0
            .lock()
            .unwrap()
            .sessions
            .entry(url)
            .or_default()
            .push_back(receiver);
        sender
    }

    /// How often the sessions were to ask for keyframes.
    pub fn keyframes_wished(&self) -> u64 {
        self.0.lock().unwrap().wishes.iter().map(KeyframeWish::times).sum()
    }

    pub fn opened(&self) -> Vec<(String, Wanted)> {
        self.0.lock().unwrap().opened.clone()
    }
}

impl Captures for FakeCaptures {
    fn open(&self, request: CaptureRequest) -> mpsc::Receiver<StreamEvent> {
        let mut state = self.0.lock().unwrap();
        state.opened.push((request.url.expose().to_owned(), request.want));
        state.wishes.push(request.keyframes);
        let scripted = state
            .sessions
            .get_mut(request.url.expose())
            .and_then(VecDeque::pop_front);
        scripted.unwrap_or_else(|| {
            let (sender, receiver) = mpsc::channel(1);
            sender
                .try_send(StreamEvent::Ended(StreamEnd::Failed("connection refused".into())))
                .unwrap();
            receiver
        })
    }
}

pub fn subscription(types: StreamTypes, video: Selection) -> Subscription {
    Subscription {
        version: 1,
        types,
        audio: Selection::All,
        video,
        quality: VideoQuality::High,
    }
}

pub fn everything() -> Subscription {
    subscription(StreamTypes::Both, Selection::All)
}

pub fn roster(users: &[(&str, &[(StreamName, u64)])]) -> Roster {
    let user = |(uid, streams): &(&str, &[(StreamName, u64)])| RosterUser {
        uid: (*uid).into(),
        joined_at_ms: 0,
        streams: streams
            .iter()
            .map(|(name, publication)| RosterStream {
                name: *name,
                url: format!("{uid}/{name}?key=hunter2").into(),
                publication: *publication,
                of_camera: false,
            })
            .collect(),
    };
    Roster {
        version: 1,
        users: users.iter().map(user).collect(),
        speaker: None,
    }
}

pub const CAMERA: &[(StreamName, u64)] = &[(StreamName::Camera, 1)];

pub async fn send(session: &mpsc::Sender<StreamEvent>, track: Track, coded: &Coded, units: &[AccessUnit]) {
    session
        .send(StreamEvent::Format(track, coded.format.clone()))
        .await
        .unwrap();
    for unit in units {
        session.send(StreamEvent::Unit(track, unit.clone())).await.unwrap();
    }
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}
