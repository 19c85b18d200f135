//! What those who take what is captured say to its sources.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use protocol::{Desired, Directive, EndCause, Roster, StreamName};
use tokio::sync::{mpsc, watch};

use super::testing::{CAMERA, FakeCaptures, FakeRosters, eventually, everything, roster, shared};
use super::*;
use crate::record::status::{Board, SharedBoard, Status};
use crate::record::testing::video;
use crate::selection::{Pictures, Tracks};
use crate::stream::{Clock, StreamEvent, Track};

/// Counts the pictures that it takes, and says whether it needs a keyframe of the camera.
#[derive(Clone, Default)]
struct Behind {
    taken: Arc<AtomicUsize>,
    is_behind: Arc<AtomicBool>,
}

impl Recorder for Behind {
    type Inlet = Self;

    const PICTURES: Pictures = Pictures::Camera;

    const SEPARATES_USERS: bool = false;

    fn begin(&mut self, _: &str, _: Tracks) -> (Self, impl Future<Output = ()> + Send + 'static) {
        (self.clone(), async {})
    }

    fn follow(&mut self, _: &Roster, _: &Plan, _: &Desired) {}

    async fn end(self) {}
}

impl Inlet for Behind {
    fn lacks_keyframe(&self, stream: StreamName) -> bool {
        stream == StreamName::Camera && self.is_behind.load(Ordering::SeqCst)
    }

    async fn take(&self, input: Input) -> Result<(), Closed> {
        if matches!(input, Input::Event(_, StreamEvent::Unit(Track::Video, _))) {
            self.taken.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[tokio::test]
async fn who_leaves_pictures_out_has_the_source_asked_for_a_keyframe() {
    let behind = Behind::default();
    let clock = Clock::new(0);
    let shared = shared(clock, SharedBoard::new(Board::new(clock.wall_ms(0), None)));
    let captures = FakeCaptures::default();
    let session = captures.session("7/camera");
    let (rosters, known) = mpsc::channel(1);
    let wanted = Desired {
        epoch: 1,
        directive: Directive::Record,
        subscription: everything(),
        scene: None,
        keys: None,
        terms: Default::default(),
    };
    let (desired, wanted) = watch::channel(wanted);
    let status = watch::Sender::new(Status::default());
    let following = run(
        shared,
        FakeRosters(known),
        captures.clone(),
        behind.clone(),
        wanted,
        status,
    );
    let following = tokio::spawn(following);
    rosters.send(roster(&[("7", CAMERA)])).await.unwrap();
    let format = StreamEvent::Format(Track::Video, video().format.clone());
    session.send(format).await.unwrap();
    let (keyframe, picture) = (&video().units[0], &video().units[1]);
    let script = [
        (keyframe, false, 0),
        (picture, false, 0),
        (keyframe, true, 0),
        (picture, true, 1),
        (picture, false, 1),
    ];
    for (count, (unit, is_behind, wished)) in (1..).zip(script) {
        behind.is_behind.store(is_behind, Ordering::SeqCst);
        session
            .send(StreamEvent::Unit(Track::Video, unit.clone()))
            .await
            .unwrap();
        eventually("it is taken", || behind.taken.load(Ordering::SeqCst) == count).await;
        assert_eq!(captures.keyframes_wished(), wished, "{count}");
    }
    desired.send_modify(|desired| desired.directive = Directive::Stop(EndCause::Stopped));
    following.await.unwrap();
}
