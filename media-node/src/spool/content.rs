//! What the files of a spool hold, and the videos that a service has made for them.

use std::collections::BTreeMap;

use protocol::{FileFormat, FileKind, TrackKind};
use serde::{Deserialize, Serialize};

/// How many users' latest pictures are remembered; more users than a recording has at a time.
const MAX_USERS: usize = 1024;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Slice,
    Lone(LoneKind),
}

impl Content {
    /// The extension of its file in the spool.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Slice => "ts",
            Self::Lone(LoneKind::Mp4) => "mp4",
            Self::Lone(LoneKind::M4a) => "m4a",
            Self::Lone(LoneKind::Mp3) => "mp3",
            Self::Lone(LoneKind::Picture) => "jpg",
        }
    }
}

/// What a file is that no playlist names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoneKind {
    /// It may grow for hours, as the next two may.
    Mp4,
    M4a,
    Mp3,
    /// A JPEG picture. Once the store has it nothing but their number is kept.
    Picture,
}

impl LoneKind {
    /// What it is to those who are told of it one by one; `None` of pictures, which are counted.
    pub(super) fn told(self) -> Option<FileKind> {
        match self {
            Self::Mp4 => Some(FileKind::Mp4),
            Self::M4a => Some(FileKind::M4a),
            Self::Mp3 => Some(FileKind::Mp3),
            Self::Picture => None,
        }
    }
}

impl From<FileFormat> for LoneKind {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Mp4 => Self::Mp4,
            FileFormat::M4a => Self::M4a,
            FileFormat::Mp3 => Self::Mp3,
        }
    }
}

/// A file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lone {
    pub kind: LoneKind,
    /// The one user in it; `0` when all users are mixed in it.
    pub uid: String,
    pub track: TrackKind,
    /// The object's name in the bucket, without the storage's prefix. Any characters but `/` and control characters.
    pub name: String,
    /// On the recording's timeline.
    pub start_us: i64,
    /// 0 for a picture.
    pub duration_us: i64,
    /// Wall-clock time of the first media in it, Unix milliseconds.
    pub start_ms: u64,
    pub bytes: u64,
    /// The MD5 of a whole file that is complete, 32 lower-case hexadecimal characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
}

/// The pictures of a recording, all users together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictures {
    /// How many were committed since the recording's start.
    pub taken: u64,
    /// How many of these the store has confirmed.
    pub uploaded: u64,
    /// Wall-clock time of the first one, Unix milliseconds.
    pub first_ms: Option<u64>,
    /// Name of the newest one.
    pub last: Option<String>,
    /// uid → when the user's latest picture was taken, in microseconds on the recording's timeline. Of the 1024 users
    /// with the latest ones.
    latest: BTreeMap<String, i64>,
}

impl Pictures {
    pub(super) fn take(&mut self, picture: &Lone) {
        self.taken += 1;
        self.first_ms = Some(
            self.first_ms
                .map_or(picture.start_ms, |first| first.min(picture.start_ms)),
        );
        self.last = Some(picture.name.clone());
        self.latest.insert(picture.uid.clone(), picture.start_us);
        if self.latest.len() > MAX_USERS
            && let Some(oldest) = self.latest.iter().min_by_key(|(_, at_us)| **at_us)
        {
            let uid = oldest.0.clone();
            self.latest.remove(&uid);
        }
    }

    /// When the latest picture of a user was taken, in microseconds on the recording's timeline.
    pub fn latest_us(&self, uid: &str) -> Option<i64> {
        self.latest.get(uid).copied()
    }
}

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
