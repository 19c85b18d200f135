use protocol::VodVideo;
use serde::{Deserialize, Serialize};

use super::journal::Entry;
use super::{Spool, SpoolError};

/// A video that a video-on-demand service has made for a playlist or for an MP4 file, and that every process of the
/// recording goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVideo {
    /// Of the playlist or the file.
    pub name: String,
    /// What the service calls it.
    pub video_id: String,
    /// Where the service wants slices: what stands in front of each slice's name. Empty for a file, and when another node
    /// has made the video.
    pub slices: String,
}

impl Spool {
    /// In the order of their making.
    pub fn videos(&self) -> Vec<KeptVideo> {
        self.lock().state.videos.clone()
    }

    /// The video of a playlist or of an MP4 file.
    pub fn video(&self, name: &str) -> Option<KeptVideo> {
        let inner = self.lock();
        inner.state.videos.iter().find(|video| video.name == name).cloned()
    }

    /// The service has made a video. The first one of a name stays.
    pub fn keep_video(&self, video: KeptVideo) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        if inner.state.videos.iter().all(|made| made.name != video.name) {
            inner.write(Entry::VideoMade(video))?;
        }
        drop(inner);
        self.tell();
        Ok(())
    }

    /// The recording's nodes before this one have made these.
    pub fn adopt(&self, videos: Vec<VodVideo>) -> Result<(), SpoolError> {
        for VodVideo { name, video_id } in videos {
            self.keep_video(KeptVideo {
                name,
                video_id,
                slices: String::new(),
            })?;
        }
        Ok(())
    }

    /// The name of the playlist that has the slice.
    pub fn playlist_of(&self, number: u64) -> Option<String> {
        let inner = self.lock();
        let has_it = |slices: &[super::state::Kept]| slices.iter().rev().any(|kept| kept.number == number);
        let playlist = inner.state.playlists.iter().find(|playlist| has_it(&playlist.slices));
        playlist.map(|playlist| playlist.name.clone())
    }
}
