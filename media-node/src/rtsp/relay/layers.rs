use std::sync::Arc;

use bytes::Bytes;
use protocol::TrackKind;

use super::READER;
use super::source::Source;
use crate::channel::StreamPath;
use crate::hub::{Flow, Manner, Publication};
use crate::layers::{Conductor, conduct};

/// All sizes of another node's picture: what is made of them there is made of them here, too.
pub(super) struct Layers {
    pub(super) conductor: Conductor,
    /// The track of the first one.
    pub(super) first: usize,
}

impl Layers {
    /// With the stream that is made of them; `None` where the picture has one size.
    pub(super) fn begin(path: &StreamPath, source: &Source) -> Option<(Arc<Publication>, Self)> {
        let (all, count) = (source.description(), source.layers());
        let first = all.track_count().checked_sub(count).filter(|_| count > 0)?;
        let whole = all.picked(&(0..first).collect::<Vec<_>>()).ok()?;
        let mut kinds = whole.tracks().iter().map(|track| track.kind);
        let track = kinds.position(|kind| kind == TrackKind::Video)?;
        let picture = whole.picked(&[track]).ok()?;
        let whole = Arc::new(Publication::new(path.clone(), whole, Manner::Once));
        let conductor = conduct(None, &whole, track, &picture, count, Manner::Once);
        Some((whole, Self { conductor, first }))
    }

    pub(super) fn relay(&self, track: usize, flow: Flow, payload: Bytes) {
        self.conductor.relay(track.saturating_sub(self.first), flow, payload);
    }
}

/// What is to be asked of the other node for a keyframe, with its track; nothing where it has shown that it does not listen.
pub(super) async fn asked(layers: &mut Option<Layers>) -> Option<(usize, Vec<u8>)> {
    match layers {
        Some(Layers { conductor, first }) => {
            let layer = conductor.asked().await;
            Some((*first + layer, conductor.keyframe_wish(layer, READER)?))
        }
        None => std::future::pending().await,
    }
}
