//! What a client plays: a stream as a whole, or its picture in a size.

use std::sync::Arc;

use rtsp_types::StatusCode;

use super::super::SizedPicture;
use super::super::relay::RelayError;
use super::super::reply::Refusal;
use super::{Conversation, Granted};
use crate::channel::StreamPath;
use crate::hub::Publication;
use crate::layers::Area;

impl Conversation {
    /// What is played. Other nodes play what is published here and nothing else, so that none reads from another what that
    /// one reads from it.
    pub(super) async fn find(&self, path: &StreamPath) -> Result<Arc<Publication>, Refusal> {
        let found = match self.is_relay() {
            true => self.server.hub.find(path),
            false => self
                .server
                .play(path)
                .await
                .map_err(|error| not_relayed(path, &error))?,
        };
        found.ok_or_else(nobody_publishes)
    }

    /// The same of its picture in the size that fills the area.
    pub(super) async fn find_sized(&self, path: &StreamPath, area: Area) -> Result<SizedPicture, Refusal> {
        let found = match self.is_relay() {
            true => self.server.find_sized(path, area),
            false => self
                .server
                .play_sized(path, area)
                .await
                .map_err(|error| not_relayed(path, &error))?,
        };
        found.ok_or_else(has_one_size)
    }

    /// Whether the client is another node.
    pub(super) fn is_relay(&self) -> bool {
        matches!(self.granted, Some(Granted { relay: true, .. }))
    }
}

fn not_relayed(path: &StreamPath, error: &RelayError) -> Refusal {
    tracing::warn!(%path, %error, "a stream of another node cannot be played here");
    Refusal::new(StatusCode::BadGateway, error.to_string())
}

fn has_one_size() -> Refusal {
    Refusal::not_found("Nobody publishes here in several sizes: play it without fill and fit")
}

fn nobody_publishes() -> Refusal {
    Refusal::not_found("Nobody publishes here")
}
