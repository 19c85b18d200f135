use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::TrackKind;
use tokio_util::sync::CancellationToken;

use crate::channel::StreamPath;

/// What a stream is made of, and how it is ended.
#[derive(Clone, Debug, Default)]
pub struct Media {
    pub tracks: Vec<MediaTrack>,
    /// All that the publisher has sent so far.
    pub bytes: Arc<AtomicU64>,
    /// Cancelled, it disconnects the publisher.
    pub end: CancellationToken,
    /// When the publication began, Unix milliseconds.
    pub since_ms: u64,
}

/// A track as the publisher's session description tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaTrack {
    pub kind: TrackKind,
    /// `H264`, `OPUS`.
    pub codec: String,
    /// What `a=fmtp` says.
    pub parameters: String,
}

impl Media {
    pub fn received(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The media of the streams that are published to this node.
#[derive(Default)]
pub(super) struct Medias(BTreeMap<StreamPath, (u64, Media)>);

impl Medias {
    pub(super) fn put(&mut self, path: &StreamPath, publication: u64, media: Media) {
        self.0.insert(path.clone(), (publication, media));
    }

    /// Of this publication; a newer one keeps its own.
    pub(super) fn remove(&mut self, path: &StreamPath, publication: u64) {
        if self.0.get(path).is_some_and(|(held, _)| *held == publication) {
            self.0.remove(path);
        }
    }

    pub(super) fn get(&self, path: &StreamPath) -> Option<&Media> {
        self.0.get(path).map(|(_, media)| media)
    }

    /// Disconnects who publishes as this user; the number of streams that end.
    pub(super) fn end(&self, app: &str, channel: &str, uid: &str) -> usize {
        let of_user = |path: &StreamPath| path.app == app && path.channel == channel && path.uid == uid;
        let streams = self.0.iter().filter(|(path, _)| of_user(path));
        streams.map(|(_, (_, media))| media.end.cancel()).count()
    }
}
