//! The publishing side of a connection: ANNOUNCE, SETUP, RECORD, and the packets that follow.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtsp_types::headers::{self};
use rtsp_types::{Request, StatusCode, Url};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Shared;
use super::carrier::{Carrier, Carriers};
use super::reply::{Answer, Refusal, Reply};
use super::target::find_control;
use crate::access::Kinds;
use crate::channel::StreamPath;
use crate::hub::{Description, Ends, Liveness, Published};

/// How often a publisher is told how its packets arrive.
const REPORT_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Publisher {
    path: StreamPath,
    /// Where its datagrams come from.
    peer: IpAddr,
    /// By which this server tells it something.
    ssrc: u32,
    carriers: Carriers,
    session: Session,
}

/// What there is to tell a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Another publisher took the path over.
    TakenOver,
    KeyframeWanted,
    /// How its packets arrive.
    ReportDue,
}

enum Session {
    Announced(Description),
    Live {
        published: Published,
        reports: Interval,
        /// Receivers of UDP; they end with the publisher.
        _receivers: JoinSet<()>,
    },
}

impl Publisher {
    pub(super) fn announce(path: StreamPath, request: &Request<Vec<u8>>, ends: Ends) -> Result<Self, Refusal> {
        let content_type = request
            .header(&headers::CONTENT_TYPE)
            .map_or("", |value| value.as_str());
        if !content_type.to_ascii_lowercase().starts_with("application/sdp") {
            return Err(Refusal::new(
                StatusCode::UnsupportedMediaType,
                "ANNOUNCE takes application/sdp",
            ));
        }
        let description =
            Description::parse(request.body()).map_err(|error| Refusal::bad_request(error.to_string()))?;
        let carriers = Carriers::new(description.track_count());
        Ok(Self {
            path,
            peer: ends.peer,
            ssrc: RandomState::new().hash_one(0u8) as u32,
            carriers,
            session: Session::Announced(description),
        })
    }

    /// What it has announced.
    pub(super) fn kinds(&self) -> Kinds {
        match &self.session {
            Session::Announced(description) => description.kinds(),
            Session::Live { published, .. } => published.publication.description.kinds(),
        }
    }

    /// Answers with the reply's Transport header.
    pub(super) fn set_up(&mut self, url: &Url, request: &Request<Vec<u8>>, ends: Ends) -> Result<String, Refusal> {
        let Session::Announced(description) = &self.session else {
            return Err(Refusal::wrong_state("Tracks are set up before RECORD"));
        };
        let track = find_control(url, description.controls()).ok_or_else(|| {
            Refusal::not_found("No track of the announced description has this URL as its control attribute")
        })?;
        self.carriers.set_up(track, request, ends.local, ends.peer)
    }

    pub(super) fn record(&mut self, server: &Shared, heard: &Arc<Liveness>, now_ms: u64) -> Answer {
        let Session::Announced(description) = &self.session else {
            return Ok(Reply::default());
        };
        if !self.carriers.is_complete() {
            return Err(Refusal::wrong_state(
                "Each announced track must be set up before RECORD",
            ));
        }
        let published = server
            .hub
            .publish(&self.path, description.clone(), now_ms)
            .map_err(|error| {
                tracing::warn!(path = %self.path, %error, "a publisher was turned away");
                Refusal::new(StatusCode::ServiceUnavailable, error.to_string())
            })?;
        let mut receivers = JoinSet::new();
        for (track, carrier) in self.carriers.iter() {
            if let Carrier::Udp { ports, .. } = carrier {
                let (publication, heard) = (published.publication.clone(), heard.clone());
                ports.receive(&mut receivers, self.peer, move |flow, payload| {
                    heard.touch();
                    publication.relay(track, flow, payload);
                });
            }
        }
        tracing::info!(path = %self.path, peer = %self.peer, tcp = self.carriers.any_interleaved(), "publishing");
        let mut reports = interval_at(Instant::now() + REPORT_EVERY, REPORT_EVERY);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.session = Session::Live {
            published,
            reports,
            _receivers: receivers,
        };
        Ok(Reply::default())
    }

    /// An interleaved packet.
    pub(super) fn receive(&self, channel: u8, payload: Bytes) {
        let Session::Live { published, .. } = &self.session else {
            return;
        };
        match self.carriers.by_channel(channel) {
            Some((track, flow)) => published.publication.relay(track, flow, payload),
            None => published.publication.stray(&payload),
        }
    }

    /// What is to be told to the publisher next. Dropping the future loses nothing.
    pub(super) async fn news(&mut self) -> News {
        let Session::Live { published, reports, .. } = &mut self.session else {
            return std::future::pending().await;
        };
        tokio::select! {
            () = published.publication.ended.cancelled() => News::TakenOver,
            () = published.publication.keyframes.due() => News::KeyframeWanted,
            _ = reports.tick() => News::ReportDue,
        }
    }

    /// Tells it. Interleaved packets are left in `out`.
    pub(super) async fn tell(&self, news: News, out: &mut BytesMut) {
        let Session::Live { published, .. } = &self.session else {
            return;
        };
        let publication = &published.publication;
        match news {
            News::TakenOver => {}
            News::KeyframeWanted => {
                for (track, wish) in publication.keyframe_wishes(self.ssrc) {
                    self.carriers.tell(track, wish, out).await;
                }
            }
            News::ReportDue => {
                for track in 0..publication.description.track_count() {
                    if let Some(report) = publication.reception_report(track, self.ssrc) {
                        self.carriers.tell(track, report, out).await;
                    }
                }
            }
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let Session::Live { published, .. } = &self.session else {
            return;
        };
        for (track, carrier) in self.carriers.iter() {
            if let Carrier::Udp { ports, .. } = carrier {
                let publication = &published.publication;
                ports.take_rest(self.peer, |flow, payload| publication.relay(track, flow, payload));
            }
        }
        tracing::info!(path = %self.path, "publishing ended");
    }
}
