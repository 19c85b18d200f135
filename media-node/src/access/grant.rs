use protocol::Rights;
use tokio::time::{Duration, Instant};

use super::Action;

/// What somebody may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(super) play: Allowed,
    pub(super) audio: Allowed,
    pub(super) video: Allowed,
}

/// Whether one thing is allowed. The greater one lasts longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Allowed {
    No,
    Until(Instant),
    Always,
}

/// What a publisher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    pub audio: bool,
    /// Pictures, and whatever else is no sound.
    pub video: bool,
}

/// Why somebody may not; for a person, without anything of what was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Nothing was shown, or nothing that is good here.
    Stranger(String),
    /// What was shown is good, but not for this.
    Forbidden(String),
    /// It cannot be decided at present.
    Undecided(String),
}

impl Grant {
    /// To those whom nobody limits.
    pub const ALL: Self = Self {
        play: Allowed::Always,
        audio: Allowed::Always,
        video: Allowed::Always,
    };

    pub(super) fn from_rights(rights: Rights, now: Instant) -> Self {
        let allowed = |for_ms: u64| match now.checked_add(Duration::from_millis(for_ms)) {
            Some(until) if for_ms > 0 => Allowed::Until(until),
            Some(_) => Allowed::No,
            None => Allowed::Always,
        };
        Self {
            play: allowed(rights.play_ms),
            audio: allowed(rights.publish_audio_ms),
            video: allowed(rights.publish_video_ms),
        }
    }

    /// When nothing is allowed any more.
    pub(super) fn ends(&self) -> Allowed {
        self.play.max(self.audio).max(self.video)
    }

    /// The same, if it allows anything of this action.
    pub(super) fn check(self, action: Action, now: Instant) -> Result<Self, Denial> {
        let (allowed, what) = match action {
            Action::Play => (self.play, "play"),
            Action::Publish => (self.audio.max(self.video), "publish"),
        };
        allowed.at(now, what).map(|_| self)
    }

    /// Whether anything of what it allowed for this action is still allowed.
    pub fn lasts(&self, action: Action) -> bool {
        self.check(action, Instant::now()).is_ok()
    }

    /// Until when playing is allowed; `None` for always.
    ///
    /// # Errors
    /// When it is not.
    pub fn play(&self) -> Result<Option<Instant>, Denial> {
        self.play.at(Instant::now(), "play")
    }

    /// Until when publishing all of this is allowed; `None` for always.
    ///
    /// # Errors
    /// When one of the kinds is not.
    pub fn publish(&self, kinds: Kinds) -> Result<Option<Instant>, Denial> {
        let now = Instant::now();
        let audio = if kinds.audio { self.audio } else { Allowed::Always };
        let video = if kinds.video { self.video } else { Allowed::Always };
        audio.at(now, "publish audio")?;
        video.at(now, "publish video")?;
        audio.min(video).at(now, "publish")
    }
}

impl Allowed {
    fn at(self, now: Instant, what: &str) -> Result<Option<Instant>, Denial> {
        match self {
            Self::Always => Ok(None),
            Self::Until(until) if until > now => Ok(Some(until)),
            Self::No | Self::Until(_) => Err(Denial::Forbidden(format!("The channel token does not allow to {what}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDIO: Kinds = Kinds {
        audio: true,
        video: false,
    };
    const BOTH: Kinds = Kinds {
        audio: true,
        video: true,
    };

    fn grant(play_ms: u64, publish_audio_ms: u64, publish_video_ms: u64) -> Grant {
        let rights = Rights {
            play_ms,
            publish_audio_ms,
            publish_video_ms,
        };
        Grant::from_rights(rights, Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn each_thing_is_allowed_by_itself_and_all_of_a_publishers_kinds_have_to_be() {
        let now = Instant::now();
        let after = |ms| Ok(Some(now + Duration::from_millis(ms)));
        let is_forbidden = |result| matches!(result, Err(Denial::Forbidden(_)));
        let player = grant(500, 0, 0);
        assert_eq!(player.play(), after(500));
        assert!(is_forbidden(player.publish(AUDIO)) && player.check(Action::Publish, now).is_err());
        let speaker = grant(0, 500, 0);
        assert!(is_forbidden(speaker.play()) && speaker.check(Action::Play, now).is_err());
        assert_eq!(speaker.publish(AUDIO), after(500));
        assert!(speaker.check(Action::Publish, now).is_ok() && is_forbidden(speaker.publish(BOTH)));
        assert_eq!(grant(0, 500, 300).publish(BOTH), after(300));
        assert_eq!(grant(0, 500, u64::MAX).publish(BOTH), after(500));
        assert_eq!((Grant::ALL.play(), Grant::ALL.publish(BOTH)), (Ok(None), Ok(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_is_not_allowed() {
        let both = grant(500, 300, 300);
        tokio::time::advance(Duration::from_millis(300)).await;
        assert!(both.publish(AUDIO).is_err() && both.play().is_ok());
        assert_eq!(both.ends(), Allowed::Until(Instant::now() + Duration::from_millis(200)));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(both.play().is_err() && !both.lasts(Action::Play));
    }
}
