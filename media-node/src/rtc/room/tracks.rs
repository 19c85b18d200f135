//! Which tracks a room has, whoever publishes them and however: by what the channel's roster says.

use std::collections::BTreeSet;
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

/// Tells of tracks that come and go: while the room has connections, and until all are gone that it was told of.
pub(super) async fn watch(commons: Arc<Commons>, room: RoomKey, attended: Weak<()>) {
    let (app, channel) = &room;
    let mut told: BTreeSet<Track> = BTreeSet::new();
    let mut changes = commons.hub.changes();
    loop {
        changes.borrow_and_update();
        let roster = commons.hub.roster(app, channel).await;
        let tracks = tracks(&commons, &room, &roster).await;
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

async fn tracks(commons: &Commons, (app, channel): &RoomKey, roster: &Roster) -> BTreeSet<Track> {
    let mut tracks = BTreeSet::new();
    for user in &roster.users {
        for stream in &user.streams {
            // The same picture as the camera's, smaller.
            if stream.name == StreamName::Low {
                continue;
            }
            let path = StreamPath {
                app: app.clone(),
                channel: channel.clone(),
                uid: user.uid.clone(),
                stream: stream.name,
            };
            // What another node has is described where it is read from, which happens once for all who play it here.
            let published = match commons.hub.find(&path) {
                Some(published) => Some(published),
                None => commons.streams.play(&path).await.ok().flatten(),
            };
            let sources = published.iter().flat_map(|published| sources(published, stream.name));
            tracks.extend(sources.map(|source| (user.uid.clone(), source)));
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
