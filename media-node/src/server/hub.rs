//! The live streams of this server, by path.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::description::Description;
use super::publication::Publication;
use super::relay::{RelayError, Relays};
use crate::channel::{ChannelFull, Listing, Media, Registry, StreamPath};

pub(super) struct Hub {
    registry: Registry,
    /// Base of the URLs in the roster.
    public_url: String,
    live: Mutex<BTreeMap<StreamPath, Arc<Publication>>>,
    relays: Arc<Relays>,
}

/// A publisher's hold on its path: dropping it ends the publication.
pub(super) struct Published {
    pub(super) publication: Arc<Publication>,
    hub: Arc<Hub>,
    _listing: Listing,
}

impl Hub {
    pub(super) fn new(registry: Registry, public_url: String) -> Self {
        registry.relay_at(&public_url);
        Self {
            registry,
            public_url,
            live: Mutex::new(BTreeMap::new()),
            relays: Arc::default(),
        }
    }

    /// Whether another node may read from the channel of this path by what it shows.
    pub(super) fn admits_relay(&self, token: &str, path: &StreamPath, now_ms: u64) -> bool {
        self.registry
            .admits_relay(token, &path.app, &path.channel, now_ms / 1_000)
    }

    /// The stream, from wherever it was published last. `linger`: [`Limits::relay_linger`](super::Limits).
    pub(super) async fn play(
        &self,
        path: &StreamPath,
        linger: Duration,
    ) -> Result<Option<Arc<Publication>>, RelayError> {
        match self.registry.origin(path).await {
            Some(origin) => self.relays.open(path, origin, linger).await.map(Some),
            None => Ok(self.find(path)),
        }
    }

    /// Streams that are read from other nodes.
    pub(super) fn relayed_streams(&self) -> usize {
        self.relays.count()
    }

    /// Reads no more from other nodes.
    pub(super) fn end_relays(&self) {
        self.relays.end();
    }

    /// The stream, if it is published here.
    pub(super) fn find(&self, path: &StreamPath) -> Option<Arc<Publication>> {
        self.lock().get(path).cloned()
    }

    /// Makes the stream live. A live one under the same path is ended: a publisher that died unnoticed and comes back must
    /// not find its own place taken.
    pub(super) fn publish(
        self: &Arc<Self>,
        path: &StreamPath,
        description: Description,
        now_ms: u64,
    ) -> Result<Published, ChannelFull> {
        let publication = Arc::new(Publication::new(path.clone(), description));
        let mut live = self.lock();
        // Under the same lock, so that the roster and this map agree on who came last.
        let listing = self.registry.publish(path, path.url(&self.public_url), now_ms)?;
        listing.describe(Media {
            tracks: publication.description.tracks().to_vec(),
            bytes: publication.bytes.clone(),
            end: publication.ended.clone(),
            since_ms: now_ms,
        });
        let former = live.insert(path.clone(), publication.clone());
        drop(live);
        if let Some(former) = former {
            former.end();
        }
        Ok(Published {
            publication,
            hub: self.clone(),
            _listing: listing,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamPath, Arc<Publication>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.publication.end();
        if let Entry::Occupied(entry) = self.hub.lock().entry(self.publication.path.clone())
            && Arc::ptr_eq(entry.get(), &self.publication)
        {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Limits;

    #[test]
    fn the_last_publisher_of_a_path_has_it() {
        let registry = Registry::new(Limits::default(), 0);
        let hub = Arc::new(Hub::new(registry.clone(), "rtsp://h:1".into()));
        let path = StreamPath::parse("/app/room/u").unwrap();
        let describe = || Description::parse(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n").unwrap();
        let first = hub.publish(&path, describe(), 5).unwrap();
        let second = hub.publish(&path, describe(), 9).unwrap();
        assert!(first.publication.ended.is_cancelled());
        drop(first);
        assert!(Arc::ptr_eq(&hub.find(&path).unwrap(), &second.publication));
        let roster = registry.snapshot("app", "room");
        assert_eq!(roster.users[0].streams[0].url, "rtsp://h:1/app/room/u");
        drop(second);
        assert!(hub.find(&path).is_none());
        assert!(registry.snapshot("app", "room").users.is_empty());
    }
}
