//! What a session is for, as its connection sees it.

use str0m::{Event, Rtc};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::figures::Counters;
use super::play::Playing;
use super::publish::Publishing;
use crate::hub::Packet;

/// What a session does.
pub(super) enum Purpose {
    Publish(Box<Publishing>),
    Play(Playing),
}

/// What a session has to do.
pub(super) enum Step {
    AskForKeyframe,
    Send(Packet),
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
            Self::Play(_) => End::StreamEnded,
        }
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
            Self::Publish(publishing) => {
                publishing.keyframe_due().await;
                Some(Step::AskForKeyframe)
            }
            Self::Play(playing) => playing.next().await.map(Step::Send),
        }
    }

    pub(super) fn take(&mut self, step: Step, rtc: &mut Rtc, counters: &Counters) {
        match (self, step) {
            (Self::Publish(publishing), Step::AskForKeyframe) => publishing.ask_for_keyframe(rtc, counters),
            (Self::Play(playing), Step::Send(packet)) => playing.send(packet, rtc),
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
