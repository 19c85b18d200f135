use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use protocol::TrackKind;
use serde::{Deserialize, Serialize};

/// What names a playlist inside one recording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlaylistKey {
    pub uid: String,
    pub track: TrackKind,
}

/// One slice of a playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    pub playlist: PlaylistKey,
    /// The object's name in the bucket, without the storage's prefix. Any characters but `/` and control characters.
    pub name: String,
    /// On the recording's timeline.
    pub start_us: i64,
    pub duration_us: i64,
    /// Wall-clock time of the first media in it, Unix milliseconds.
    pub start_ms: u64,
    pub bytes: u64,
    /// It does not continue the slice before it.
    pub discontinuity: bool,
    /// Whole lines beside those of RFC 8216, in order, that stand before its `#EXTINF`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What is in it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// How the media of a slice is coded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// By its name of RFC 6381, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// Width and height of the picture, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
}

/// A slice that is being written: `<number>.part` in the spool. Each write goes to the kernel at once, so what is
/// written survives the process. Ended by [`Spool::commit`](super::Spool::commit) or
/// [`Spool::discard`](super::Spool::discard); dropped, it waits for the next opening of the spool, which finishes it.
#[derive(Debug)]
pub struct SliceFile {
    pub(super) number: u64,
    pub(super) file: File,
}

impl Write for SliceFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    /// All of it, or nothing: a full disk may take a part.
    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        let end = self.file.stream_position()?;
        self.file.write_all(data).inspect_err(|_| {
            let cut = self
                .file
                .set_len(end)
                .and_then(|()| self.file.seek(SeekFrom::Start(end)));
            if let Err(error) = cut {
                tracing::warn!(%error, "half a unit stays at the end of a slice");
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What is found in a file that was cut off, or that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remains {
    Whole(Probed),
    /// No whole frame.
    Nothing,
    /// It cannot be told at this moment: the file is not to be removed for that.
    Unreadable,
}

impl From<Option<Probed>> for Remains {
    fn from(found: Option<Probed>) -> Self {
        found.map_or(Self::Nothing, Self::Whole)
    }
}

/// What is left of a file that a crash has cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// How long its whole frames last, in microseconds; more than 0 in a slice.
    pub duration_us: i64,
    /// Length of its readable beginning; the rest is cut away.
    pub bytes: u64,
    /// The MD5 of a whole file, as [`Lone::md5`](super::Lone::md5).
    pub md5: Option<String>,
}

impl Probed {
    /// Of what is no whole file.
    pub fn new(duration_us: i64, bytes: u64) -> Self {
        Self {
            duration_us,
            bytes,
            md5: None,
        }
    }
}
