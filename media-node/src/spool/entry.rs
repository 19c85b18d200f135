//! The steps of a recording as its journal has them.

use protocol::{ConfirmedSlice, EndCause, TrackKind};
use serde::{Deserialize, Serialize};

use super::content::{KeptVideo, Lone};
use super::slice::Slice;
use super::state::State;

/// One line of the journal. Field names are short words because a long recording has tens of thousands of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// All that stood in the journal before. Only the first entry can be this.
    Compacted(Box<State>),
    /// A process has begun to work on the spool.
    Opened { epoch: u64, at_ms: u64 },
    /// The file `number` is about to be written; `slice` is what is known of it, its duration and size are 0.
    Begun {
        number: u64,
        playlist_name: String,
        slice: Slice,
    },
    /// The file `number` is complete and on disk.
    Committed { number: u64, slice: Slice },
    /// The file `number`, which belongs to no playlist, is about to be written; its duration and size are 0.
    LoneBegun { number: u64, file: Lone },
    /// The file `number`, which belongs to no playlist, is complete and on disk.
    LoneCommitted { number: u64, file: Lone },
    /// The file `number` holds nothing that is wanted.
    Discarded { number: u64 },
    /// The file `number` was committed and is not on the disk any more, or not whole: something else has taken it.
    Lost { number: u64 },
    /// The store has confirmed the file `number`.
    Uploaded { number: u64 },
    /// The file `number` was committed and is not wanted: another node has its media.
    GivenUp { number: u64 },
    /// The end of the slice `number` is another node's: `bytes` of it, with this duration, are wanted.
    Cut { number: u64, duration_us: i64, bytes: u64 },
    /// The store has confirmed a playlist that is made of the first `slices` slices and of the first `learned` ones of
    /// other spools.
    Published {
        playlist_name: String,
        slices: usize,
        #[serde(default)]
        learned: usize,
        ended: bool,
    },
    /// There are to be indexes of the playlists.
    Indexes,
    /// The store has confirmed the index of a user, or of all, that tells what the digest is of.
    Indexed { uid: Option<String>, digest: u64 },
    /// The backup store has confirmed the file `number`.
    BackedUp { number: u64 },
    /// The backup store has confirmed a playlist of what it holds: so many slices, from the file `from` on.
    Copied {
        playlist_name: String,
        from: u64,
        slices: usize,
        ended: bool,
    },
    /// The backup store has removed the playlist.
    Retracted { playlist_name: String },
    /// The backup store has removed the file `number`, which the customer's has.
    Cleared { number: u64 },
    /// What the backup store still holds of this stays there.
    Left,
    /// Capture is over: no more files.
    Finished { cause: EndCause },
    /// A user's audio or video arrives, or does so no longer.
    Stream {
        uid: String,
        track: TrackKind,
        receiving: bool,
        at_ms: u64,
    },
    /// The edge has what has happened up to this number.
    Confirmed { through: u64 },
    /// Slices of other spools, up to the place `next` of the edge's inventory.
    Learned { slices: Vec<ConfirmedSlice>, next: u64 },
    /// The playlists are left to another node, until the spool is opened under another lease.
    Released,
    /// A video-on-demand service has made a video.
    VideoMade(KeptVideo),
}
