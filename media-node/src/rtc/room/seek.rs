//! Where the source of a slot is published: at this node or another one, now or later.

use std::sync::Arc;
use std::time::Duration;

use protocol::{RoomSlot, RoomSource, StreamName, TrackKind};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::commons::Commons;
use crate::channel::StreamPath;
use crate::hub::Publication;

/// A viewer with so few lines is content with the small picture of a publisher who sends one.
const LOW_FILLS: u32 = 240;
/// How often it is looked again where nothing says that anything has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Between two looks at least: all changes of this node wake whoever waits for one.
const APART: Duration = Duration::from_millis(50);

/// What a slot gets.
pub(in crate::rtc) struct Found {
    pub(super) slot: String,
    /// Of the slot's wishes the one that this is for.
    pub(super) generation: u64,
    pub(super) publication: Arc<Publication>,
}

/// The streams that a source may be in, the one that is preferred first.
pub(super) fn paths(app: &str, wish: &RoomSlot) -> Vec<StreamPath> {
    let names: &[StreamName] = match wish.source {
        RoomSource::Audio => &[StreamName::Camera, StreamName::Audio],
        RoomSource::Camera if wish.height.is_some_and(|height| height <= LOW_FILLS) => {
            &[StreamName::Low, StreamName::Camera]
        }
        RoomSource::Camera => &[StreamName::Camera],
        RoomSource::Screen => &[StreamName::Screen],
    };
    let path = |stream: &StreamName| StreamPath {
        app: app.to_owned(),
        channel: wish.room_id.clone(),
        uid: wish.peer_id.clone(),
        stream: *stream,
    };
    names.iter().map(path).collect()
}

/// Tells each publication of one of these streams that has a track of this kind: the next one when the one before has ended.
pub(super) async fn seek(
    commons: Arc<Commons>,
    paths: Vec<StreamPath>,
    kind: TrackKind,
    (slot, generation): (String, u64),
    found: mpsc::Sender<Found>,
) {
    let mut changes = commons.hub.changes();
    loop {
        changes.borrow_and_update();
        match look(&commons, &paths, kind).await {
            Some(publication) => {
                let ended = publication.ended.clone();
                let found_now = Found {
                    slot: slot.clone(),
                    generation,
                    publication,
                };
                if found.send(found_now).await.is_err() {
                    return;
                }
                ended.cancelled().await;
            }
            // A time-out is another look as well.
            None => drop(timeout(LOOK_AGAIN, changes.changed()).await),
        }
        sleep(APART).await;
    }
}

async fn look(commons: &Commons, paths: &[StreamPath], kind: TrackKind) -> Option<Arc<Publication>> {
    // Of pictures in layers any size can be had by itself, the small one too. The camera, which has them, is the last of the paths.
    let camera = paths.last().filter(|_| kind == TrackKind::Video && paths.len() > 1);
    if let Some(path) = camera {
        let published = commons.streams.play(path).await.ok().flatten();
        let has_layers =
            |published: &Arc<Publication>| !published.layers().is_empty() && !published.ended.is_cancelled();
        if let Some(published) = published.filter(has_layers) {
            return Some(published);
        }
    }
    for path in paths {
        // One that cannot be read from its node now may be later.
        let published = commons.streams.play(path).await.ok().flatten();
        let has_kind = |published: &Arc<Publication>| {
            let mut tracks = published.description.tracks().iter();
            tracks.any(|track| track.kind == kind) && !published.ended.is_cancelled()
        };
        if let Some(published) = published.filter(has_kind) {
            return Some(published);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_viewer_is_content_with_the_small_picture() {
        let streams = |source, height| {
            let wish = RoomSlot {
                room_id: "r".to_owned(),
                peer_id: "p".to_owned(),
                source,
                height,
                paused: false,
            };
            let paths = paths("a", &wish).into_iter();
            paths.map(|path| path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(streams(RoomSource::Camera, None), ["/a/r/p"]);
        assert_eq!(streams(RoomSource::Camera, Some(720)), ["/a/r/p"]);
        assert_eq!(streams(RoomSource::Camera, Some(180)), ["/a/r/p/low", "/a/r/p"]);
        assert_eq!(streams(RoomSource::Screen, Some(180)), ["/a/r/p/screen"]);
        assert_eq!(streams(RoomSource::Audio, None), ["/a/r/p", "/a/r/p/audio"]);
    }
}
