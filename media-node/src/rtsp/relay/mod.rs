//! Streams that are published at other nodes: each is read once for all who play it here, for as long as anybody does. Of a picture
//! that comes in several sizes, the one that fills an area is a stream of its own.

mod layers;
mod source;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::RELAY_HEADER;
use rtsp_types::{Request, StatusCode};
use tokio::sync::OnceCell;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::channel::{Origin, StreamPath};
use crate::hub::{Flow, Hub, Manner, Publication, Vacancy, rtp};
use crate::layers::Area;
use layers::{Layers, asked};
use source::{Source, SourceError};

/// Streams that are read from other nodes at once. Each takes a file and a task.
const MAX_RELAYS: usize = 512;
/// Of them, sizes of one picture: a user is in few regions of different sizes at once.
const MAX_SIZES: usize = 8;
/// For another node to answer, and to begin to send.
const CONNECT: Duration = Duration::from_secs(5);
/// A node that has sent nothing for so long is gone: it ends a silent publication sooner.
const SILENCE: Duration = Duration::from_secs(15);
/// How often it is looked whether anybody plays.
const LOOK: Duration = Duration::from_secs(1);

/// What another node shows to play. Whoever shows something plays as one or not at all.
pub(super) fn token_of(request: &Request<Vec<u8>>) -> Option<&str> {
    let mut headers = request.headers();
    let shown = headers.find(|(name, _)| name.as_str().eq_ignore_ascii_case(RELAY_HEADER));
    shown.map(|(_, value)| value.as_str())
}

/// By which this node asks for key frames; nobody tells it from another one.
pub(super) const READER: u32 = 1;

/// Why a stream of another node cannot be played here.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error(
        "this node reads as many streams from other nodes as it may: add nodes, or play at the one it is published at"
    )]
    TooMany,
    #[error("node {node_id} does not answer at {address}")]
    Silent { node_id: String, address: String },
    #[error("node {node_id} at {address}: {error}")]
    Source {
        node_id: String,
        address: String,
        error: SourceError,
    },
}

/// The streams that are read from other nodes.
#[derive(Default)]
pub(super) struct Relays {
    live: Mutex<BTreeMap<Key, Arc<Relay>>>,
}

/// A stream as a whole, or its picture in the size that fills this.
type Key = (StreamPath, Option<Area>);

struct Relay {
    origin: Origin,
    publication: OnceCell<Arc<Publication>>,
    /// Done when the stream has another origin, or the server ends.
    over: CancellationToken,
}

impl Relays {
    /// The stream from this origin, or its picture alone in the size that fills the area. One from another origin is over for its
    /// players.
    pub(super) async fn open(
        self: &Arc<Self>,
        path: &StreamPath,
        area: Option<Area>,
        origin: Origin,
        hub: &Arc<Hub>,
    ) -> Result<Arc<Publication>, RelayError> {
        let key = (path.clone(), area);
        let relay = self.relay(&key, origin)?;
        let opened = relay
            .publication
            .get_or_try_init(|| self.begin(&key, &relay, hub))
            .await;
        if opened.is_err() {
            self.remove(&key, &relay);
        }
        opened.cloned()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        for relay in std::mem::take(&mut *self.lock()).into_values() {
            relay.over.cancel();
        }
    }

    fn relay(&self, key: &Key, origin: Origin) -> Result<Arc<Relay>, RelayError> {
        let mut live = self.lock();
        let (path, area) = key;
        let sizes = || live.keys().filter(|(of, area)| of == path && area.is_some()).count();
        if let Some(relay) = live.get(key) {
            if relay.is_of(&origin) {
                return Ok(relay.clone());
            }
            relay.over.cancel();
        } else if live.len() >= MAX_RELAYS || area.is_some() && sizes() >= MAX_SIZES {
            return Err(RelayError::TooMany);
        }
        let relay = Arc::new(Relay {
            origin,
            publication: OnceCell::new(),
            over: CancellationToken::new(),
        });
        live.insert(key.clone(), relay.clone());
        Ok(relay)
    }

    async fn begin(
        self: &Arc<Self>,
        key: &Key,
        relay: &Arc<Relay>,
        hub: &Arc<Hub>,
    ) -> Result<Arc<Publication>, RelayError> {
        let (path, area) = key;
        let Origin {
            node_id,
            address,
            token,
            ..
        } = &relay.origin;
        let (node_id, address) = (node_id.clone(), address.clone());
        let source = match timeout(CONNECT, Source::open(&address, path, *area, token)).await {
            Ok(Ok(source)) => source,
            Ok(Err(error)) => {
                return Err(RelayError::Source {
                    node_id,
                    address,
                    error,
                });
            }
            Err(_) => return Err(RelayError::Silent { node_id, address }),
        };
        tracing::info!(%path, node = node_id, "reading a stream from another node");
        let (publication, layers) = match Layers::begin(path, &source) {
            Some((publication, layers)) => (publication, Some(layers)),
            None => {
                let description = source.description().clone();
                (
                    Arc::new(Publication::new(path.clone(), description, Manner::Once)),
                    None,
                )
            }
        };
        let relaying = (self.clone(), relay.clone(), publication.clone());
        tokio::spawn(run(key.clone(), relaying, source, layers, hub.clone()));
        Ok(publication)
    }

    fn remove(&self, key: &Key, relay: &Arc<Relay>) {
        if let Entry::Occupied(entry) = self.lock().entry(key.clone())
            && Arc::ptr_eq(entry.get(), relay)
        {
            entry.remove();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Relay>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RelayError {
    /// Whether the other node has no such stream, or not in sizes.
    pub(super) fn is_not_found(&self) -> bool {
        let not_found = u16::from(StatusCode::NotFound);
        matches!(self, Self::Source { error: SourceError::Refused(status), .. } if *status == not_found)
    }
}

impl Relay {
    /// Whether it brings that publication. Another token opens the same.
    fn is_of(&self, origin: &Origin) -> bool {
        let of = |origin: &Origin| (origin.node_id.clone(), origin.address.clone(), origin.publication);
        let has_ended = self
            .publication
            .get()
            .is_some_and(|publication| publication.ended.is_cancelled());
        of(&self.origin) == of(origin) && !has_ended
    }
}

/// Hands on what the source sends, until it ends or nobody plays it.
async fn run(
    key: Key,
    (relays, relay, publication): (Arc<Relays>, Arc<Relay>, Arc<Publication>),
    mut source: Source,
    mut layers: Option<Layers>,
    hub: Arc<Hub>,
) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut vacancy, mut heard) = (Vacancy::new(hub.limits.relay_linger), Instant::now());
    let reason = loop {
        tokio::select! {
            packet = source.next() => match packet {
                Some((track, flow, payload)) => {
                    heard = Instant::now();
                    if let Some(decibels) = rtp::audio_level(&payload).filter(|_| flow == Flow::Rtp) {
                        hub.heard_elsewhere(&publication.path, decibels);
                    }
                    match &layers {
                        Some(layers) if track >= layers.first => layers.relay(track, flow, payload),
                        _ => publication.relay(track, flow, payload),
                    }
                }
                None => break "it is over there",
            },
            now = looks.tick() => {
                let of_layers = layers.as_ref().is_some_and(|layers| layers.conductor.has_players());
                if vacancy.is_over(of_layers || publication.has_players(), now) {
                    break "nobody plays it here";
                }
                if now.saturating_duration_since(heard) >= SILENCE {
                    break "nothing comes from there";
                }
            }
            wish = asked(&mut layers) => {
                if !source.ask(wish.into_iter().collect()).await {
                    break "the other node takes nothing any more";
                }
            }
            // Those of a picture in layers are their conductor's matter.
            () = publication.keyframes.due(), if layers.is_none() => {
                if !source.ask(publication.keyframe_wishes(READER)).await {
                    break "the other node takes nothing any more";
                }
            }
            () = relay.over.cancelled() => break "it comes from elsewhere, or this node ends",
        }
    };
    tracing::info!(path = %publication.path, node = relay.origin.node_id, reason, "a stream of another node is read no more");
    relays.remove(&key, &relay);
    publication.end();
}
