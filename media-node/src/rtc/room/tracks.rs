//! Which tracks a room has, whoever publishes them and however: by what the channel's roster says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use protocol::{RoomSource, Roster, StreamName, TrackKind};

use tokio::time::{sleep, timeout};

use super::commons::Commons;
use super::key::RoomKey;
use crate::channel::StreamPath;
use crate::hub::Publication;

/// How long a change is waited for. Each look says anew that the channel is still followed at other nodes.
const WAIT: Duration = Duration::from_secs(10);
/// Between two looks at least: changes of all channels of this node wake whoever waits for one.
const APART: Duration = Duration::from_millis(50);
/// Tracks of one room that are told of.
const MAX_TRACKS: usize = 4_000;

type Track = (String, RoomSource);

/// What each publication of a room has: to learn it of one at another node, the stream is read from there.
type Described = BTreeMap<(String, StreamName, u64), Vec<RoomSource>>;

/// Tells of tracks that come and go: while the room has connections, and until all are gone that it was told of.
pub(super) async fn watch(commons: Arc<Commons>, room: RoomKey, attended: Weak<()>) {
    let (app, channel) = &room;
    let mut told: BTreeSet<Track> = BTreeSet::new();
    let mut described = Described::new();
    let mut changes = commons.hub.changes();
    loop {
        changes.borrow_and_update();
        let roster = commons.hub.roster(app, channel).await;
        let tracks = tracks(&commons, &room, &roster, &mut described).await;
        for (peer_id, source) in told.difference(&tracks) {
            commons.news.track(&room, peer_id, *source, false);
        }
        for (peer_id, source) in tracks.difference(&told) {
            commons.news.track(&room, peer_id, *source, true);
        }
        told = tracks;
        if told.is_empty() && attended.strong_count() == 0 {
            return;
        }
        sleep(APART).await;
        // A time-out is another look as well.
        let _ = timeout(WAIT, changes.changed()).await;
    }
}

async fn tracks(
    commons: &Commons,
    (app, channel): &RoomKey,
    roster: &Roster,
    described: &mut Described,
) -> BTreeSet<Track> {
    let mut tracks = BTreeSet::new();
    let mut known = std::mem::take(described);
    for user in &roster.users {
        for stream in &user.streams {
            // The same picture as the camera's, smaller.
            if stream.name == StreamName::Low {
                continue;
            }
            let publication = (user.uid.clone(), stream.name, stream.publication);
            let of_stream = match known.remove(&publication) {
                Some(sources) => sources,
                None => {
                    let path = StreamPath {
                        app: app.clone(),
                        channel: channel.clone(),
                        uid: user.uid.clone(),
                        stream: stream.name,
                    };
                    // One that cannot be read from its node now may be later.
                    let Some(published) = commons.streams.play(&path).await.ok().flatten() else {
                        continue;
                    };
                    sources(&published, stream.name)
                }
            };
            tracks.extend(of_stream.iter().map(|source| (user.uid.clone(), *source)));
            described.insert(publication, of_stream);
            if tracks.len() >= MAX_TRACKS {
                return tracks;
            }
        }
    }
    tracks
}

fn sources(publication: &Publication, name: StreamName) -> Vec<RoomSource> {
    let kinds = publication.description.tracks().iter().map(|track| track.kind);
    let source = |kind| match (name, kind) {
        (StreamName::Camera | StreamName::Audio, TrackKind::Audio) => Some(RoomSource::Audio),
        (StreamName::Camera, TrackKind::Video) => Some(RoomSource::Camera),
        (StreamName::Screen, TrackKind::Video) => Some(RoomSource::Screen),
        _ => None,
    };
    kinds.filter_map(source).collect()
}
