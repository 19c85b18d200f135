//! What is known of each session: it writes its own figures, and whoever asks reads those of all.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{LiveSession, SessionKind};
use str0m::Event;
use str0m::media::{Mid, Rid};
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};

use crate::channel::StreamPath;

/// How often a session tells its figures.
pub(super) const TELL_EVERY: Duration = Duration::from_secs(2);

/// See the module. Clones share the sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Board(Arc<Mutex<Sessions>>);

#[derive(Debug, Default)]
struct Sessions {
    next: u64,
    sessions: BTreeMap<u64, (StreamPath, LiveSession)>,
}

/// What all sessions say at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Of packets that publishers sent and that players were sent, the mean of the sessions, from 0 to 1.
    pub lost_in: Option<f64>,
    pub lost_out: Option<f64>,
    /// In seconds, the mean of the sessions.
    pub round_trip: Option<f64>,
    /// What the ways to players carry, in bits a second, the mean of those who measure it.
    pub estimate: Option<f64>,
}

/// The place of one session on the board, which it leaves with this.
pub(super) struct Watched {
    board: Board,
    id: u64,
    /// When the last figures came, and the bytes received and sent until then.
    last: Option<(Instant, u64, u64)>,
    /// Of each medium, what it counts.
    counts: HashMap<(Mid, Option<Rid>, bool), Counts>,
    is_paused: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    repeats: u64,
    keyframes: u64,
    lost: Option<f32>,
}

impl Board {
    /// `now_ms`: Unix milliseconds.
    pub(super) fn enter(&self, path: StreamPath, kind: SessionKind, now_ms: u64) -> Watched {
        let session = LiveSession::begun(path.uid.clone(), path.stream, kind, now_ms);
        let mut sessions = self.lock();
        sessions.next += 1;
        let id = sessions.next;
        sessions.sessions.insert(id, (path, session));
        drop(sessions);
        Watched {
            board: self.clone(),
            id,
            last: None,
            counts: HashMap::new(),
            is_paused: false,
        }
    }

    /// The sessions of an app, or of this channel of it, with their channels.
    pub(super) fn sessions(&self, app: &str, channel: Option<&str>) -> Vec<(String, LiveSession)> {
        let sessions = self.lock();
        let of_app = sessions
            .sessions
            .values()
            .filter(|(path, _)| path.app == app && channel.is_none_or(|channel| channel == path.channel));
        of_app
            .map(|(path, session)| (path.channel.clone(), session.clone()))
            .collect()
    }

    /// Players whose picture pauses.
    pub(super) fn paused(&self) -> u64 {
        let sessions = self.lock();
        let all = sessions.sessions.values();
        all.filter(|(_, session)| session.picture_paused).count() as u64
    }

    /// How many sessions an app has.
    pub(super) fn count(&self, app: &str) -> usize {
        let sessions = self.lock();
        sessions.sessions.values().filter(|(path, _)| path.app == app).count()
    }

    pub(super) fn quality(&self) -> Quality {
        let sessions = self.lock();
        let mean = |of: &dyn Fn(&LiveSession) -> Option<f64>| {
            let values: Vec<f64> = sessions
                .sessions
                .values()
                .filter_map(|(_, session)| of(session))
                .collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let lost = |session: &LiveSession, kind| {
            let lost = session.lost_per_mille.filter(|_| session.kind == kind);
            lost.map(|lost| f64::from(lost) / 1_000.0)
        };
        Quality {
            lost_in: mean(&|session| lost(session, SessionKind::Publish)),
            lost_out: mean(&|session| lost(session, SessionKind::Play)),
            round_trip: mean(&|session| session.round_trip_ms.map(|ms| f64::from(ms) / 1_000.0)),
            estimate: mean(&|session| session.estimated_bits_per_second.map(|bits| bits as f64)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::MediaIngressStats(stats) => self.ingress(stats),
            Event::MediaEgressStats(stats) => self.egress(stats),
            Event::PeerStats(stats) => self.peer(stats),
            _ => {}
        }
    }

    /// Whether the client gets no picture, because its way does not carry it.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        if is_paused != std::mem::replace(&mut self.is_paused, is_paused) {
            self.change(|session| session.picture_paused = is_paused);
        }
    }

    fn ingress(&mut self, stats: &MediaIngressStats) {
        let counts = Counts {
            repeats: stats.nacks,
            keyframes: stats.plis + stats.firs,
            lost: stats.loss,
        };
        self.counts.insert((stats.mid, stats.rid, true), counts);
        self.round_trip(stats.rtt);
    }

    fn egress(&mut self, stats: &MediaEgressStats) {
        let counts = Counts {
            repeats: stats.nacks,
            keyframes: stats.plis + stats.firs,
            lost: stats.loss,
        };
        self.counts.insert((stats.mid, stats.rid, false), counts);
        self.round_trip(stats.rtt);
    }

    fn peer(&mut self, stats: &PeerStats) {
        let now = (stats.timestamp, stats.peer_bytes_rx, stats.peer_bytes_tx);
        let before = self.last.replace(now);
        let rate = |bytes: u64, before: u64, since: Duration| {
            let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
            bytes.saturating_sub(before).saturating_mul(8_000) / ms
        };
        self.round_trip(stats.rtt);
        let (mut repeats, mut keyframes) = (0, 0);
        for counts in self.counts.values() {
            repeats += counts.repeats;
            keyframes += counts.keyframes;
        }
        // The worst of the media is what somebody sees or hears.
        let lost = self
            .counts
            .values()
            .filter_map(|counts| counts.lost)
            .fold(None, |worst, lost| {
                Some(worst.map_or(lost, |worst: f32| worst.max(lost)))
            });
        self.change(|session| {
            if let Some((at, received, sent)) = before {
                let since = now.0.saturating_duration_since(at);
                session.received_bits_per_second = rate(now.1, received, since);
                session.sent_bits_per_second = rate(now.2, sent, since);
            }
            session.repeats_asked = repeats;
            session.keyframes_asked = keyframes;
            session.lost_per_mille = lost.map(|lost| (lost.clamp(0.0, 1.0) * 1_000.0) as u32);
            session.estimated_bits_per_second = stats.bwe_tx.map(|estimate| estimate.as_u64());
        });
    }

    fn round_trip(&self, time: Option<Duration>) {
        if let Some(time) = time {
            self.change(|session| session.round_trip_ms = u32::try_from(time.as_millis()).ok());
        }
    }

    fn change(&self, change: impl FnOnce(&mut LiveSession)) {
        if let Some((_, session)) = self.board.lock().sessions.get_mut(&self.id) {
            change(session);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.board.lock().sessions.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(at: Instant, received: u64, sent: u64) -> Event {
        Event::PeerStats(PeerStats {
            peer_bytes_rx: received,
            peer_bytes_tx: sent,
            bytes_rx: 0,
            bytes_tx: 0,
            timestamp: at,
            bwe_tx: Some(800_000u64.into()),
            egress_loss_fraction: None,
            ingress_loss_fraction: None,
            rtt: Some(Duration::from_millis(40)),
            selected_candidate_pair: None,
        })
    }

    fn egress(mid: &str, nacks: u64, loss: f32, at: Instant) -> Event {
        Event::MediaEgressStats(MediaEgressStats {
            mid: Mid::from(mid),
            rid: None,
            bytes: 0,
            packets: 0,
            firs: 1,
            plis: 2,
            nacks,
            rtt: None,
            loss: Some(loss),
            timestamp: at,
            remote: None,
        })
    }

    #[test]
    fn a_session_is_told_of_as_long_as_it_lasts() {
        let (board, at) = (Board::default(), Instant::now());
        let path = StreamPath::parse("/app/room/u").unwrap();
        let mut watched = board.enter(path.clone(), SessionKind::Play, 5);
        let other = board.enter(path, SessionKind::Publish, 6);
        for event in [
            egress("0", 7, 0.01, at),
            egress("1", 3, 0.25, at),
            peer(at, 1_000, 2_000),
            peer(at + Duration::from_secs(2), 1_250, 102_000),
        ] {
            watched.note(&event);
        }
        let told = board.sessions("app", Some("room"));
        let (channel, session) = &told[0];
        assert_eq!(
            (channel.as_str(), session.uid.as_str(), session.since_ms),
            ("room", "u", 5)
        );
        assert_eq!(
            (session.received_bits_per_second, session.sent_bits_per_second),
            (1_000, 400_000)
        );
        assert_eq!((session.lost_per_mille, session.round_trip_ms), (Some(250), Some(40)));
        assert_eq!((session.repeats_asked, session.keyframes_asked), (10, 6));
        assert_eq!(session.estimated_bits_per_second, Some(800_000));
        let quality = board.quality();
        assert_eq!((quality.lost_in, quality.lost_out), (None, Some(0.25)));
        assert_eq!((quality.round_trip, quality.estimate), (Some(0.04), Some(800_000.0)));
        watched.set_paused(true);
        assert!(board.paused() == 1 && board.sessions("app", None)[0].1.picture_paused);
        watched.set_paused(false);
        assert_eq!(board.paused(), 0);
        drop(watched);
        assert_eq!(board.sessions("app", None).len(), 1);
        assert!(board.sessions("app", Some("x")).is_empty() && board.sessions("other", None).is_empty());
        drop(other);
        assert_eq!(board.quality(), Quality::default());
    }
}
