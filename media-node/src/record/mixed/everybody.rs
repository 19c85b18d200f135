use protocol::TrackKind;

use crate::spool::PlaylistKey;

/// The uid that stands for all users.
pub const EVERYBODY: &str = "0";

/// The playlist that all users are mixed in.
pub fn playlist_key(track: TrackKind) -> PlaylistKey {
    PlaylistKey {
        uid: EVERYBODY.to_owned(),
        track,
    }
}
