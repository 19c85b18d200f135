//! Which of what streams bring goes to places of their own, and which to the user's picture and sound.

use std::collections::BTreeMap;

use protocol::{Scene, StreamKind, StreamName};

use super::Present;
use crate::selection::{Gate, Views};
use crate::stream::{Coding, StreamEvent, Track};

/// The streams of all users that may have places of their own.
pub struct Streams {
    /// What the scene shows of each user.
    views: Views,
    gates: BTreeMap<(String, StreamKind), Gate>,
}

/// Where an event goes.
pub struct Split {
    /// What it is for the user's picture and sound.
    pub own: Option<StreamEvent>,
    /// What it is for the stream's own place.
    pub stream: Vec<(StreamKind, StreamEvent)>,
}

impl Streams {
    pub fn new(scene: &Scene) -> Self {
        Self {
            views: Views::of(scene),
            gates: BTreeMap::new(),
        }
    }

    pub fn set_scene(&mut self, scene: &Scene) {
        self.views = Views::of(scene);
    }

    /// Forgets the streams of all others.
    pub fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.gates.retain(|(uid, _), _| is_there(uid));
    }

    /// How the streams that may be shown are coded.
    pub fn codings(&self) -> impl Iterator<Item = (&str, StreamKind, Coding)> {
        self.gates
            .iter()
            .filter_map(|((uid, kind), gate)| Some((uid.as_str(), *kind, gate.format()?.coding()?)))
    }

    /// `present`: the user, if in the channel.
    pub fn split(&mut self, uid: &str, present: Option<&Present>, stream: StreamName, event: StreamEvent) -> Split {
        if event.track() != Some(Track::Video) {
            return Split {
                own: Some(event),
                stream: Vec::new(),
            };
        }
        let has_streams = self.views.have_streams();
        let is_picture = || {
            let picture = present.and_then(|present| present.picture);
            self.views.user(uid).picture && picture == Some(stream)
        };
        let own = (!has_streams || is_picture()).then(|| event.clone());
        let mut kinds = StreamKind::ALL.into_iter();
        let kind = kinds.find(|kind| StreamName::from(*kind) == stream);
        let stream = match (kind, present) {
            (Some(kind), Some(_)) => {
                let gate = self.gates.entry((uid.to_owned(), kind)).or_default();
                let passed = gate.pass(event, has_streams).into_iter().flatten();
                passed.filter(|_| has_streams).map(|event| (kind, event)).collect()
            }
            _ => Vec::new(),
        };
        Split { own, stream }
    }
}
