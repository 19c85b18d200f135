use protocol::VodVideo;
use serde::{Deserialize, Serialize};

use super::journal::Entry;
use super::{Spool, SpoolError};

/// A video that a video-on-demand service has made for a playlist or for an MP4 file, and that every process of the
/// recording goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVideo {
    /// The name of the playlist or the file.
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

    /// The service has made a video. It takes the place of an earlier one of its name.
    pub fn keep_video(&self, video: KeptVideo) -> Result<(), SpoolError> {
        self.lock().write(Entry::VideoMade(video))?;
        self.tell();
        Ok(())
    }

    /// The edge knows these videos of the recording. Where this node has made another one, it was lost before it had told
    /// the edge, and all nodes go on with the edge's.
    pub fn adopt(&self, videos: Vec<VodVideo>) -> Result<(), SpoolError> {
        for VodVideo { name, video_id } in videos {
            match self.video(&name) {
                Some(own) if own.video_id == video_id => continue,
                Some(own) => tracing::warn!(name, own.video_id, video_id, "the recording's video is another one"),
                None => {}
            }
            self.keep_video(KeptVideo {
                name,
                video_id,
                slices: String::new(),
            })?;
        }
        Ok(())
    }

    /// The edge has been told of the first `count` videos.
    pub fn videos_are_known(&self, count: usize) {
        let mut inner = self.lock();
        if count > inner.known_videos {
            inner.known_videos = count;
            drop(inner);
            self.tell();
        }
    }

    /// Whether the edge has been told of the video of a playlist or of an MP4 file.
    pub fn is_video_known(&self, name: &str) -> bool {
        let inner = self.lock();
        let mut known = inner.state.videos.iter().take(inner.known_videos);
        known.any(|video| video.name == name)
    }

    /// The name of the playlist that has the slice.
    pub fn playlist_of(&self, number: u64) -> Option<String> {
        let inner = self.lock();
        let has_it = |slices: &[super::kept::Kept]| slices.iter().rev().any(|kept| kept.number == number);
        let playlist = inner.state.playlists.iter().find(|playlist| has_it(&playlist.slices));
        playlist.map(|playlist| playlist.name.clone())
    }
}
