//! What a session is for, as its connection sees it.

use std::sync::atomic::AtomicU64;

use str0m::{Event, Rtc};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::figures::Counters;
use super::offer::{Offer, OfferError};
use super::play::Playing;
use super::publish::Publishing;
use super::room::{PeerPlaying, PeerPublishing, PlayStep, PublishStep, Sources, Wish};
use crate::channel::StreamPath;
use crate::hub::Packet;

/// What a session does.
pub(super) enum Purpose {
    Publish(Box<Publishing>),
    Play(Playing),
    /// What a peer of a room sends,
    PeerPublish(Box<PeerPublishing>),
    /// and what it gets.
    PeerPlay(Box<PeerPlaying>),
}

/// What a session has to do.
pub(super) enum Step {
    AskForKeyframe,
    Send(Packet),
    PeerPublish(PublishStep),
    PeerPlay(PlayStep),
}

impl Purpose {
    pub(super) fn ended(&self) -> CancellationToken {
        match self {
            Self::Publish(publishing) => publishing.ended(),
            Self::Play(playing) => playing.ended(),
            Self::PeerPublish(publishing) => publishing.ended(),
            Self::PeerPlay(playing) => playing.ended(),
        }
    }

    /// Why the session is over when [`Self::ended`] is.
    pub(super) fn over(&self) -> End {
        match self {
            Self::Publish(_) => End::TakenOver,
            Self::Play(_) | Self::PeerPublish(_) | Self::PeerPlay(_) => End::StreamEnded,
        }
    }

    pub(super) fn connected(&mut self) -> Result<(), End> {
        match self {
            Self::Publish(publishing) => publishing.connected(),
            Self::Play(playing) => playing.connected(),
            Self::PeerPublish(publishing) => publishing.connected(),
            Self::PeerPlay(playing) => {
                playing.connected();
                Ok(())
            }
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
            Self::PeerPublish(publishing) => Some(Step::PeerPublish(publishing.step().await)),
            Self::PeerPlay(playing) => Some(Step::PeerPlay(playing.step().await)),
        }
    }

    pub(super) fn take(&mut self, step: Step, rtc: &mut Rtc, counters: &Counters) {
        match (self, step) {
            (Self::Publish(publishing), Step::AskForKeyframe) => publishing.ask_for_keyframe(rtc, counters),
            (Self::Play(playing), Step::Send(packet)) => playing.send(packet, rtc),
            (Self::PeerPublish(publishing), Step::PeerPublish(step)) => publishing.take(step, rtc, counters),
            (Self::PeerPlay(playing), Step::PeerPlay(step)) => playing.take(step, rtc),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: Event, rtc: &mut Rtc) {
        match self {
            Self::Publish(publishing) => publishing.event(event, rtc),
            Self::Play(playing) => playing.event(&event),
            Self::PeerPublish(publishing) => publishing.event(event, rtc),
            Self::PeerPlay(playing) => playing.event(&event),
        }
    }

    /// Takes in another offer of the client's. The answer is the offer as it is accepted.
    pub(super) fn renew(&mut self, offer: Offer, sources: Option<Sources>) -> Result<Offer, OfferError> {
        match self {
            Self::PeerPublish(publishing) => {
                let sources = sources.unwrap_or_else(|| publishing.sources());
                publishing.renew(offer, sources)
            }
            Self::PeerPlay(playing) => {
                playing.renew(&offer);
                Ok(offer)
            }
            Self::Publish(_) | Self::Play(_) => Ok(offer),
        }
    }

    /// The answer that the client gets.
    pub(super) fn answer(&self, answer: String) -> String {
        match self {
            Self::PeerPublish(publishing) => publishing.limited(&answer),
            _ => answer,
        }
    }

    /// What the room wants.
    pub(super) fn wish(&mut self, wish: Wish) {
        match self {
            Self::PeerPublish(publishing) => publishing.wish(wish),
            Self::PeerPlay(playing) => playing.wish(wish),
            Self::Publish(_) | Self::Play(_) => {}
        }
    }

    /// Says why the session ends.
    pub(super) fn ends(&mut self, end: &End) {
        match self {
            Self::PeerPublish(publishing) => publishing.ends(end.to_string()),
            Self::PeerPlay(playing) => playing.ends(end.to_string()),
            Self::Publish(_) | Self::Play(_) => {}
        }
    }

    /// As logs name it: the path, what is done, and where that is counted.
    pub(super) fn name<'a>(&self, counters: &'a Counters) -> (StreamPath, &'static str, &'a AtomicU64) {
        match self {
            Self::Publish(publishing) => (publishing.path().clone(), "publishing", &counters.publishing),
            Self::Play(playing) => (playing.path().clone(), "playing", &counters.playing),
            Self::PeerPublish(publishing) => (publishing.path().clone(), "publishing to a room", &counters.publishing),
            Self::PeerPlay(playing) => (playing.path().clone(), "playing from a room", &counters.playing),
        }
    }
}
