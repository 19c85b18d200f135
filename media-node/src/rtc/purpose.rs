//! What a session is for, as its connection sees it.

use str0m::{Event, Rtc};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::figures::Counters;
use super::play::{Came, Playing};
use super::publish::{Asked, Publishing};

/// What a session does.
pub(super) enum Purpose {
    Publish(Box<Publishing>),
    Play(Box<Playing>),
}

/// What a session has to do.
pub(super) enum Step {
    AskForKeyframe(Asked),
    Play(Came),
}

impl Purpose {
    pub(super) fn ended(&self) -> CancellationToken {
        match self {
            Self::Publish(publishing) => publishing.ended(),
            Self::Play(playing) => playing.ended(),
        }
    }

    /// Why the session is over when [`Self::ended`] is.
    pub(super) fn over(&self) -> End {
        match self {
            Self::Publish(_) => End::TakenOver,
            Self::Play(playing) => playing.over(),
        }
    }

    /// Whether what it sends depends on what the way to the client carries, and that can be measured.
    pub(super) fn is_measured(&self) -> bool {
        matches!(self, Self::Play(playing) if playing.is_measured())
    }

    pub(super) fn connected(&mut self) -> Result<(), End> {
        match self {
            Self::Publish(publishing) => publishing.connected(),
            Self::Play(playing) => playing.connected(),
        }
    }

    /// The next thing to do; `None` when there will be none. Dropping the future loses nothing.
    pub(super) async fn step(&mut self) -> Option<Step> {
        match self {
            Self::Publish(publishing) => Some(Step::AskForKeyframe(publishing.keyframe_due().await)),
            Self::Play(playing) => playing.next().await.map(Step::Play),
        }
    }

    pub(super) fn take(&mut self, step: Step, rtc: &mut Rtc, counters: &Counters) {
        match (self, step) {
            (Self::Publish(publishing), Step::AskForKeyframe(asked)) => {
                publishing.ask_for_keyframe(asked, rtc, counters)
            }
            (Self::Play(playing), Step::Play(came)) => playing.take(came, rtc),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: Event, rtc: &mut Rtc) {
        match self {
            Self::Publish(publishing) => publishing.event(event, rtc),
            Self::Play(playing) => playing.event(&event),
        }
    }
}
