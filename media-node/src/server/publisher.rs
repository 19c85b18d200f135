//! The publishing side of a connection: ANNOUNCE, SETUP, RECORD, and the packets that follow.

use std::sync::Arc;

use bytes::Bytes;
use rtsp_types::headers::{self};
use rtsp_types::{Request, StatusCode, Url};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::carrier::{Carrier, Carriers};
use super::reply::{Answer, Refusal, Reply};
use super::target::find_control;
use crate::access::Kinds;
use crate::channel::StreamPath;
use crate::hub::{Description, Ends, Liveness, Published};

pub(super) struct Publisher {
    path: StreamPath,
    carriers: Carriers,
    session: Session,
}

enum Session {
    Announced(Description),
    Live {
        published: Published,
        /// Receivers of UDP; they end with the publisher.
        _receivers: JoinSet<()>,
    },
}

impl Publisher {
    pub(super) fn announce(path: StreamPath, request: &Request<Vec<u8>>) -> Result<Self, Refusal> {
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

    pub(super) fn record(&mut self, server: &Shared, ends: Ends, heard: &Arc<Liveness>, now_ms: u64) -> Answer {
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
                ports.receive(&mut receivers, ends.peer, move |flow, payload| {
                    heard.touch();
                    publication.relay(track, flow, payload);
                });
            }
        }
        tracing::info!(path = %self.path, peer = %ends.peer, tcp = self.carriers.any_interleaved(), "publishing");
        self.session = Session::Live {
            published,
            _receivers: receivers,
        };
        Ok(Reply::default())
    }

    /// An interleaved packet.
    pub(super) fn receive(&self, channel: u8, payload: Bytes) {
        if let (Session::Live { published, .. }, Some((track, flow))) =
            (&self.session, self.carriers.by_channel(channel))
        {
            published.publication.relay(track, flow, payload);
        }
    }

    /// Cancelled when another publisher takes the path over. `None` before RECORD.
    pub(super) fn ended(&self) -> Option<&CancellationToken> {
        match &self.session {
            Session::Live { published, .. } => Some(&published.publication.ended),
            Session::Announced(_) => None,
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.ended().is_some() {
            tracing::info!(path = %self.path, "publishing ended");
        }
    }
}
