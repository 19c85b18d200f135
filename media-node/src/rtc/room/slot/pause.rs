//! When the picture of a slot pauses because the way does not carry it, and what it would take.

use std::sync::Arc;
use std::time::Duration;

use super::super::super::offer::Kind;
use super::super::origins::Peer;
use super::super::ration::Picture;
use super::super::source::Source;
use super::{Means, Slot};
use crate::hub::Publication;

/// How large a picture is taken to be shown of which the client has not said it.
const HEIGHT: u32 = 1_080;
/// A way that seems too narrow for a picture has that long to widen again.
const SHORT_FOR: Duration = Duration::from_secs(2);
/// One that has widened has that long to show that it is wide.
const FITS_FOR: Duration = Duration::from_secs(1);
/// A picture that pauses, because the way does not carry it, does so for that long at least.
const PAUSES_FOR: Duration = Duration::from_secs(3);

/// A picture that is not sent for the time being.
pub(super) struct Pause {
    pub(super) publication: Arc<Publication>,
    since: Duration,
    /// What it had, in bits a second: of its smallest size, and of the one that is wished for.
    rates: (u64, u64),
}

impl Slot {
    /// Sends its picture, or does not for the time being, since the way does not carry it. Answers whether it is sent again now, as
    /// it may be if `may_begin`.
    pub(in super::super) fn spare(&mut self, is_short: bool, may_begin: bool, means: Means<'_>, now: Duration) -> bool {
        if is_short == self.pause.is_some() {
            self.other_since = None;
            return false;
        }
        let time = if is_short { SHORT_FOR } else { FITS_FOR };
        let lasts = now.saturating_sub(*self.other_since.get_or_insert(now));
        if lasts < time || !(is_short || may_begin) {
            return false;
        }
        self.other_since = None;
        match is_short {
            true => self.pause(now),
            false => self.go_on(means, now),
        }
        !is_short
    }

    fn pause(&mut self, now: Duration) {
        let Some(rates) = self.needed() else { return };
        let shown = self.next.take().or(self.current.take());
        self.current = None;
        if let Some(source) = shown {
            self.pause = Some(Pause {
                publication: source.found,
                since: now,
                rates,
            });
        }
    }

    /// From a keyframe on.
    fn go_on(&mut self, means: Means<'_>, now: Duration) {
        let Some(Pause { publication, .. }) = self.pause.take() else {
            return;
        };
        // Of another one it is told when that is found.
        if !publication.ended.is_cancelled()
            && let Err(reason) = self.begin(publication, means, now)
        {
            tracing::info!(
                mid = self.mid,
                reason,
                "a picture that has paused cannot be shown again"
            );
        }
    }

    pub(in super::super) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// The picture that it shows or would show. `speakers`: who speaks.
    pub(in super::super) fn picture(&self, speakers: &[Peer], now: Duration) -> Option<Picture> {
        let ((least, wanted), sent) = match &self.pause {
            Some(pause) => (pause.rates, 0),
            None => (self.needed()?, self.present()),
        };
        let height = u64::from(self.wish.as_ref()?.height.unwrap_or(HEIGHT));
        Some(Picture {
            least,
            wanted,
            weight: height * height,
            sent,
            speaks: self.peer().is_some_and(|peer| speakers.contains(&peer)),
            is_sent: self.pause.is_none(),
            rests: self
                .pause
                .as_ref()
                .is_some_and(|pause| now.saturating_sub(pause.since) < PAUSES_FOR),
        })
    }

    /// The bits a second of its picture's smallest size, and of the one that is wished for, if there is one.
    fn needed(&self) -> Option<(u64, u64)> {
        if self.section.kind == Kind::Audio {
            return None;
        }
        let shown = self.next.as_ref().or(self.current.as_ref())?;
        let sent = self.sent.bits_per_second;
        let wanted = shown.rates().map_or(sent, |(wanted, _)| wanted);
        Some((shown.least_rate().unwrap_or(sent).min(wanted), wanted))
    }

    /// What it has, as far as it is known.
    fn present(&self) -> u64 {
        let shown = self.next.as_ref().or(self.current.as_ref());
        let rates = shown.and_then(Source::rates);
        rates.map_or(self.sent.bits_per_second, |(_, present)| present)
    }
}
