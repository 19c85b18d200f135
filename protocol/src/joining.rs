use serde::{Deserialize, Serialize};

use crate::{Refusal, Storage};

/// Files of MP4 that are to become one: as they are where they are coded alike, else coded anew. To
/// [import](crate::line::EdgeAsk::Import): the pieces of one file of any container, which becomes one of MP4, with pictures of H.264
/// without B-frames and sound of AAC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// Names what comes of it. Whoever asks again by the same sid is told how far the node has come.
    pub sid: String,
    /// Where the parts are.
    pub stores: Vec<Storage>,
    /// In the order in which they are played, 1 to [`Joining::MOST_PARTS`]; of pieces, 1 to [`Joining::MOST_PIECES`].
    pub parts: Vec<JoiningPart>,
    /// Where the joined file goes,
    pub to: Storage,
    /// under this name behind the prefix.
    pub name: String,
    /// It is answered when the file is there or has failed, or after so long.
    pub wait_ms: u64,
}

/// One object that is joined with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoiningPart {
    /// The place of its store in [`Joining::stores`].
    pub store: u32,
    /// The object's key, prefix and name.
    pub key: String,
    pub bytes: u64,
}

/// How far a node has come with a [`Joining`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joined {
    Runs,
    Done(JoinedFile),
    /// The files cannot be joined, or not here and now: whose fault it is says which.
    Failed(Refusal),
}

/// The joined file, which is in its store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedFile {
    pub bytes: u64,
    pub duration_ms: u64,
    /// 32 lower-case hexadecimal characters.
    pub md5: String,
}

impl Joining {
    pub const MOST_PARTS: usize = 100;
    pub const MOST_PIECES: usize = 2_000;
    /// The most bytes of all parts together: a node needs three times as much of its disk.
    pub const MOST_BYTES: u64 = 64 << 30;

    /// The bytes of all parts together.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).fold(0, u64::saturating_add)
    }
}
