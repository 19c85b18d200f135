//! The live streams of this node, by path: publishers of every protocol hand their packets in here, made fit for players, and
//! players, recorders and other nodes take them out. Who publishes is told to [`crate::channel::Registry`]. It knows no protocol
//! but RTP, of codecs only where their keyframes begin, no recording and no edge.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod admission;
mod answers;
mod audience;
mod beginning;
mod client;
mod description;
mod fast;
mod group;
mod groups;
mod inflow;
mod joined;
mod keyframes;
mod layer;
mod left_out;
mod limits;
mod listen;
mod publication;
mod queue;
mod reception;
pub mod rtp;
mod stamps;
mod turned_away;
mod vacancy;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::Roster;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::Gate;
use crate::channel::{ChannelFull, Listing, Media, Origin, Registry, StreamPath};
pub use admission::{Admission, NoPlace, Ticket};
pub use client::{Ends, Liveness, keep_alive, linger};
pub use description::{Description, DescriptionError, TRACK_CONTROL, normalised, track_control};
use group::Kept;
pub use inflow::{Inflow, Manner};
pub use joined::Joined;
pub use layer::LayerState;
pub use left_out::LeftOut;
pub use limits::Limits;
pub use listen::serve;
pub use publication::{Publication, SubscribeError, Subscription};
pub use queue::{Flow, Overflow, Packet, Receiver};
pub use reception::Reception;
pub use rtp::bye;
pub use turned_away::{Tally, TurnedAway};
pub use vacancy::Vacancy;

/// How often packets are released that have waited for ones that are lost.
const RELEASE_EVERY: Duration = Duration::from_millis(50);

/// See the module.
pub struct Hub {
    registry: Registry,
    /// Who may publish and play.
    pub gate: Arc<Gate>,
    pub limits: Limits,
    /// The places of all connections, whatever they speak.
    pub admission: Arc<Admission>,
    pub turned_away: Tally,
    /// Pictures, frames of sound and packets that were left out because they could not be read.
    pub unreadable: Arc<AtomicU64>,
    /// What is kept of pictures for players who come in the middle.
    kept: Kept,
    /// Base of the URLs in the roster.
    public_url: String,
    live: Mutex<BTreeMap<StreamPath, Arc<Publication>>>,
}

/// A publisher's hold on its path: dropping it ends the publication.
pub struct Published {
    pub publication: Arc<Publication>,
    hub: Arc<Hub>,
    _listing: Listing,
    /// Releases packets that waited for others.
    _releasing: JoinSet<()>,
}

/// One of the pictures of different sizes that a publisher sends at once (simulcast): a publication of its own, which no roster
/// lists, with what is known of it.
pub struct Layer {
    pub publication: Arc<Publication>,
    state: Mutex<LayerState>,
}

impl Layer {
    pub fn new(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            state: Mutex::default(),
        }
    }

    pub fn state(&self) -> LayerState {
        *self.lock()
    }

    pub fn set(&self, state: LayerState) {
        *self.lock() = state;
    }

    fn lock(&self) -> MutexGuard<'_, LayerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// `public_url`: where recorders play from, `rtsp://host:port`.
    pub fn new(registry: Registry, gate: Arc<Gate>, public_url: String, limits: Limits) -> Self {
        registry.relay_at(&public_url);
        Self {
            registry,
            gate,
            limits,
            admission: Admission::new(limits),
            turned_away: Tally::default(),
            unreadable: Arc::default(),
            kept: Kept::default(),
            public_url,
            live: Mutex::default(),
        }
    }

    /// Whether another node may read from the channel of this path by what it shows.
    pub fn admits_relay(&self, token: &str, path: &StreamPath, now_ms: u64) -> bool {
        self.registry
            .admits_relay(token, &path.app, &path.channel, now_ms / 1_000)
    }

    /// A publisher's packets tell how loud its user is, in decibels below the loudest.
    pub fn heard(&self, path: &StreamPath, decibels: i8) {
        self.registry.heard(path, decibels);
    }

    /// The same of a user who publishes at another node, from which the stream is read.
    pub fn heard_elsewhere(&self, path: &StreamPath, decibels: i8) {
        self.registry.heard_elsewhere(path, decibels);
    }

    /// The other node that the stream was published at last, if it was.
    pub async fn origin(&self, path: &StreamPath) -> Option<Origin> {
        self.registry.origin(path).await
    }

    /// Who is in a channel. From then on it is followed at other nodes, for as long as it is asked for.
    pub async fn roster(&self, app: &str, channel: &str) -> Roster {
        self.registry.roster(app, channel, None, Duration::ZERO).await
    }

    /// Changes when somebody comes or goes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.registry.changes()
    }

    /// The stream, if it is published here.
    pub fn find(&self, path: &StreamPath) -> Option<Arc<Publication>> {
        self.lock().get(path).cloned()
    }

    /// Makes the stream live. A live one under the same path is ended: a publisher that died unnoticed and comes back must
    /// not find its own place taken. `now_ms`: Unix milliseconds.
    ///
    /// # Errors
    /// When the channel has as many users as it may have, or the node as many channels.
    pub fn publish(
        self: &Arc<Self>,
        path: &StreamPath,
        description: Description,
        now_ms: u64,
    ) -> Result<Published, ChannelFull> {
        self.publish_as(path, description, Manner::default(), now_ms)
    }

    /// As [`Self::publish`], for a publisher of another manner.
    pub fn publish_as(
        self: &Arc<Self>,
        path: &StreamPath,
        description: Description,
        manner: Manner,
        now_ms: u64,
    ) -> Result<Published, ChannelFull> {
        self.list(path, (description, manner), now_ms, Registry::publish)
    }

    /// As [`Self::publish`], for the smallest of several sizes in which a user's camera comes.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn publish_smallest(
        self: &Arc<Self>,
        path: &StreamPath,
        description: Description,
        now_ms: u64,
    ) -> Result<Published, ChannelFull> {
        let manner = Manner::default();
        self.list(path, (description, manner), now_ms, Registry::publish_smallest)
    }

    fn list(
        self: &Arc<Self>,
        path: &StreamPath,
        (description, manner): (Description, Manner),
        now_ms: u64,
        list: impl FnOnce(&Registry, &StreamPath, String, u64) -> Result<Listing, ChannelFull>,
    ) -> Result<Published, ChannelFull> {
        let mut publication = Publication::keeping(path.clone(), description, manner, &self.kept);
        publication.unreadable = self.unreadable.clone();
        let publication = Arc::new(publication);
        let mut live = self.lock();
        // Under the same lock, so that the roster and this map agree on who came last.
        let listing = list(&self.registry, path, path.url(&self.public_url), now_ms)?;
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
        let mut releasing = JoinSet::new();
        releasing.spawn({
            let publication = publication.clone();
            async move {
                loop {
                    tokio::time::sleep(RELEASE_EVERY).await;
                    publication.release();
                }
            }
        });
        Ok(Published {
            publication,
            hub: self.clone(),
            _listing: listing,
            _releasing: releasing,
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
    use crate::access::{Keys, Passes};
    use crate::channel::Limits as ChannelLimits;

    #[tokio::test]
    async fn the_last_publisher_of_a_path_has_it() {
        let registry = Registry::new(ChannelLimits::default(), 0);
        let gate = Arc::new(Gate::new(Keys::default(), Passes::default()));
        let hub = Hub::new(registry.clone(), gate, "rtsp://h:1".into(), Limits::default());
        let hub = Arc::new(hub);
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
