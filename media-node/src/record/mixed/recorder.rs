use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use protocol::{Desired, Directive, Roster, StreamKind, StreamName, StreamTypes, TrackKind};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::everybody::playlist_key;
use super::feeder::{Feeder, Made, MixSpec, Present, Wishes};
use super::images::Images;
use super::mixing::{MixEvent, Mixing, tick};
use super::outputs::{Outputs, Wanted};
use super::texts::Texts;
use crate::container::FileNames;
use crate::outbound::{Client, Targets};
use crate::record::follow::{Closed, Inlet, Input, Plan, Recorder};
use crate::record::room::Room;
use crate::record::sink::SliceSink;
use crate::record::status::SharedBoard;
use crate::selection::{Area, Pictures, Tracks, UserPlan, Views};
use crate::stream::{Clock, Patience};

/// The most units and events on their way to the mixer: a second of forty users.
const QUEUE: usize = 4096;
/// The most coded bytes among them: a second of forty users with 12 Mbit/s each.
const QUEUE_BYTES: usize = 64 << 20;

/// The most mixed units on their way to the disk: some ten seconds.
const MADE: usize = 1024;

/// What a mix is written to, and what is told of it.
pub struct Destination<S> {
    pub sink: Arc<S>,
    /// Whether slices are written.
    pub hls: bool,
    /// The whole files that are written, if any are.
    pub files: Option<Wanted>,
    /// Where what is recorded already ends, on the recording's timeline.
    pub recorded_us: Option<i64>,
    pub names: FileNames,
    pub clock: Clock,
    pub board: SharedBoard,
    /// The addresses that images may be fetched from.
    pub targets: Targets,
}

/// Mixes the users of a channel, and has what is mixed written.
pub struct MixedRecorder {
    events: mpsc::Sender<MixEvent>,
    room: Room,
    wishes: watch::Sender<Wishes>,
    /// How large the cameras of users are shown.
    areas: watch::Receiver<BTreeMap<String, Area>>,
    /// The streams of whose pictures nothing can be shown before their next keyframes.
    lacking: watch::Receiver<BTreeSet<(String, StreamName)>>,
    clock: Clock,
    mixing: JoinHandle<()>,
    writing: JoinHandle<()>,
}

impl MixedRecorder {
    pub fn start<S: SliceSink>(spec: MixSpec, wishes: Wishes, destination: Destination<S>) -> Self {
        let Destination {
            sink,
            hls,
            files,
            recorded_us,
            names,
            clock,
            board,
            targets,
        } = destination;
        let track = match spec.types {
            StreamTypes::Audio => TrackKind::Audio,
            StreamTypes::Video => TrackKind::Video,
            StreamTypes::Both => TrackKind::Both,
        };
        let (events, queue) = mpsc::channel(QUEUE);
        let (wish, wished) = watch::channel(wishes.clone());
        let (made, making) = sync_channel(MADE);
        let (tell_areas, areas) = watch::channel(BTreeMap::new());
        let (tell_lacking, lacking) = watch::channel(BTreeSet::new());
        tokio::spawn(tick(events.downgrade()));
        let texts = Texts {
            events: events.downgrade(),
            board: board.clone(),
            clock,
        };
        tokio::spawn(texts.follow(wish.subscribe()));
        match Client::new(targets) {
            Ok(client) => {
                let images = Images {
                    client,
                    width: spec.output.width,
                    height: spec.output.height,
                    events: events.downgrade(),
                    board: board.clone(),
                    clock,
                };
                tokio::spawn(images.follow(wish.subscribe()));
            }
            Err(error) => tracing::error!(%error, "no images can be fetched"),
        }
        let mixing = {
            let (sink, board) = (sink.clone(), board.clone());
            tokio::task::spawn_blocking(move || {
                let last = sink.last(&playlist_key(track));
                let sliced_us = last.map(|last| last.start_us.saturating_add(last.duration_us));
                let recorded_us = recorded_us.max(sliced_us).unwrap_or(i64::MIN);
                let mixing = Mixing {
                    feeder: Feeder::new(spec, wishes, recorded_us),
                    queue,
                    wished,
                    made,
                    areas: tell_areas,
                    lacking: tell_lacking,
                    clock,
                    board,
                };
                mixing.run();
            })
        };
        let writing = tokio::task::spawn_blocking(move || {
            let hls = hls.then_some(sink);
            write(Outputs::new(hls, clock, board, names, track, files), making);
        });
        Self {
            events,
            room: Room::new(QUEUE_BYTES),
            wishes: wish,
            areas,
            lacking,
            clock,
            mixing,
            writing,
        }
    }
}

impl Recorder for MixedRecorder {
    type Inlet = UserInlet;

    const PICTURES: Pictures = Pictures::Any;

    const SEPARATES_USERS: bool = false;

    fn begin(&mut self, uid: &str, _: Tracks) -> (UserInlet, impl Future<Output = ()> + Send + 'static) {
        let inlet = UserInlet {
            uid: uid.into(),
            events: self.events.clone(),
            room: self.room.clone(),
            lacking: self.lacking.clone(),
        };
        (inlet, async {})
    }

    fn views(&self, wanted: &Desired) -> Views {
        let views = match &wanted.scene {
            Some(scene) => Views::of(scene),
            None => Views::of(&self.wishes.borrow().scene),
        };
        views.with_areas(self.areas.borrow().clone())
    }

    async fn views_changed(&mut self) {
        if self.areas.changed().await.is_err() {
            // Nothing is mixed any more.
            std::future::pending().await
        }
    }

    fn follow(&mut self, roster: &Roster, plan: &Plan, desired: &Desired) {
        let present = roster
            .users
            .iter()
            .filter(|user| !plan.left_out.contains(&user.uid))
            .map(|user| Present {
                uid: user.uid.clone(),
                joined_us: self.clock.media_us(user.joined_at_ms),
                picture: plan.users.get(&user.uid).and_then(|plan| plan.picture),
                streams: plan.users.get(&user.uid).map(shown).unwrap_or_default(),
            })
            .collect();
        self.wishes.send_if_modified(|wishes| {
            let wanted = Wishes {
                paused: desired.directive == Directive::Pause,
                scene: desired.scene.clone().unwrap_or_else(|| wishes.scene.clone()),
                subscription: desired.subscription.clone(),
                present,
            };
            let changed = *wishes != wanted;
            *wishes = wanted;
            changed
        });
    }

    fn goes_on(&self) -> bool {
        !self.mixing.is_finished() && !self.writing.is_finished()
    }

    async fn end(self) {
        let Self {
            events,
            mixing,
            writing,
            ..
        } = self;
        drop(events);
        for thread in [mixing, writing] {
            if let Err(error) = thread.await {
                // Nothing records any more: the process ends, and the next one goes on.
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// The streams that are captured for places of their own, or that could have them.
fn shown(plan: &UserPlan) -> BTreeSet<StreamKind> {
    let is_shown = |kind: &StreamKind| {
        let stream = plan.streams.get(&StreamName::from(*kind));
        stream.is_some_and(|stream| stream.tracks.video)
    };
    StreamKind::ALL.into_iter().filter(is_shown).collect()
}

/// Takes what the streams of one user bring.
#[derive(Clone)]
pub struct UserInlet {
    uid: Arc<str>,
    events: mpsc::Sender<MixEvent>,
    room: Room,
    lacking: watch::Receiver<BTreeSet<(String, StreamName)>>,
}

impl Inlet for UserInlet {
    // Users are mixed with one another, and what comes too late misses its place.
    fn patience(jitter_us: i64) -> Patience {
        Patience::Budget(jitter_us)
    }

    fn lacks_keyframe(&self, stream: StreamName) -> bool {
        let lacking = self.lacking.borrow();
        lacking.iter().any(|(uid, of)| **uid == *self.uid && *of == stream)
    }

    async fn take(&self, input: Input) -> Result<(), Closed> {
        match input {
            Input::Event(stream, event) => {
                let uid = self.uid.clone();
                let bytes = event.media_bytes();
                let event = self.room.hold(event, bytes).await;
                let event = MixEvent::Event { uid, stream, event };
                self.events.send(event).await.map_err(|_| Closed)
            }
            // The subscription is known to the feeder, and time passes there for all users.
            Input::Wanted(_) | Input::Tick if self.events.is_closed() => Err(Closed),
            Input::Wanted(_) | Input::Tick => Ok(()),
        }
    }
}

fn write<S: SliceSink>(mut outputs: Outputs<S>, making: Receiver<Made>) {
    while let Ok(made) = making.recv() {
        outputs.take(made);
    }
    outputs.end();
}
