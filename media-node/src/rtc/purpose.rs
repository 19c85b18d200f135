//! What a session is for, as its connection sees it.

use std::sync::atomic::AtomicU64;

use protocol::SessionKind;
use str0m::{Event, Rtc};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::figures::Counters;
use super::offer::{Offer, OfferError};
use super::play::{Came, FIRST_ESTIMATE_BPS, Playing};
use super::publish::{Asked, Publishing};
use super::room::{PeerPlaying, PeerPublishing, PlayStep, PublishStep, Sources, Wish};
use crate::channel::StreamPath;

/// What a session does.
pub(super) enum Purpose {
    Publish(Box<Publishing>),
    Play(Box<Playing>),
    /// What a peer of a room sends,
    PeerPublish(Box<PeerPublishing>),
    /// and what it gets.
    PeerPlay(Box<PeerPlaying>),
}

/// What a session has to do.
pub(super) enum Step {
    AskForKeyframe(Asked),
    Play(Came),
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
            Self::Play(playing) => playing.over(),
            Self::PeerPublish(_) | Self::PeerPlay(_) => End::StreamEnded,
        }
    }

    /// What the way to the client is taken to carry at first, in bits a second, where what is sent depends on that and it can be
    /// measured.
    pub(super) fn first_estimate(&self) -> Option<u64> {
        match self {
            Self::Play(playing) => playing.is_measured().then_some(FIRST_ESTIMATE_BPS),
            Self::PeerPlay(playing) => playing.first_estimate(),
            Self::Publish(_) | Self::PeerPublish(_) => None,
        }
    }

    /// Whether the client does not get a picture for the time being, because its way does not carry it.
    pub(super) fn is_paused(&self) -> bool {
        match self {
            Self::Play(playing) => playing.is_paused(),
            Self::PeerPlay(playing) => playing.is_paused(),
            Self::Publish(_) | Self::PeerPublish(_) => false,
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
            Self::Publish(publishing) => Some(Step::AskForKeyframe(publishing.keyframe_due().await)),
            Self::Play(playing) => playing.next().await.map(Step::Play),
            Self::PeerPublish(publishing) => Some(Step::PeerPublish(publishing.step().await)),
            Self::PeerPlay(playing) => Some(Step::PeerPlay(playing.step().await)),
        }
    }

    pub(super) fn take(&mut self, step: Step, rtc: &mut Rtc, counters: &Counters) {
        match (self, step) {
            (Self::Publish(publishing), Step::AskForKeyframe(asked)) => {
                publishing.ask_for_keyframe(asked, rtc, counters)
            }
            (Self::Play(playing), Step::Play(came)) => playing.take(came, rtc),
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
            Self::PeerPlay(_) => PeerPlaying::paired(&answer),
            Self::Publish(_) | Self::Play(_) => answer,
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

    /// As others know it: the path, what is done, and where that is counted. What a peer gets has the peer's own path.
    pub(super) fn name<'a>(&self, counters: &'a Counters) -> (StreamPath, SessionKind, &'a AtomicU64) {
        let path = match self {
            Self::Publish(publishing) => publishing.path(),
            Self::Play(playing) => playing.path(),
            Self::PeerPublish(publishing) => publishing.path(),
            Self::PeerPlay(playing) => playing.path(),
        };
        match self {
            Self::Publish(_) | Self::PeerPublish(_) => (path.clone(), SessionKind::Publish, &counters.publishing),
            Self::Play(_) | Self::PeerPlay(_) => (path.clone(), SessionKind::Play, &counters.playing),
        }
    }
}
