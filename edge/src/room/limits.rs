//! How much and how long.

/// Peers of one room. Each has a socket, of which an object of the platform can hold some ten times as many.
pub(super) const MAX_PEERS: usize = 3_000;
/// Peers that are invited to a room, or may publish in one besides its master.
pub(super) const MAX_INVITED: usize = 1_000;
/// Those of a conversation whose creator does not say how many.
pub const DEFAULT_MEMBERS: u32 = 16;
/// Longer ids name no user of a channel.
pub const MAX_ID_BYTES: usize = 255;
/// A frame of a client: an offer of a browser with many sections has some 30 KiB.
pub(super) const MAX_FRAME_BYTES: usize = 256 << 10;
/// Frames of a client in a second: a page that scrolls wishes for other sizes of all that it shows. All rooms of a process wait
/// while one of them is spoken to.
pub(super) const MAX_FRAMES: u32 = 300;
pub const MAX_MESSAGE_BYTES: usize = 16 << 10;
/// Sections of one offer that are looked at.
pub(super) const MAX_SECTIONS: usize = 128;
/// Sockets that have not joined: more than join at once, and few for somebody who opens what they can.
pub(super) const MAX_STRANGERS: usize = 1_000;
/// They are closed after so long.
pub(super) const STRANGE_MS: u64 = 30_000;
/// Messages that wait for a peer whose socket has broken, and those that are kept in case that it has broken unnoticed.
pub(super) const MAX_WAITING: usize = 256;
pub(super) const MAX_RECENT: usize = 32;
/// All of these of one peer: they are in its row, which may have 2 MB, and quotes twice the bytes at most.
pub(super) const MAX_WAITING_BYTES: usize = 768 << 10;
/// Messages in one room within a millisecond, by whose time they are numbered.
pub(super) const MAX_AT_ONCE: u64 = 1_000;
/// Tracks that a peer has wishes about.
pub(super) const MAX_WISHES: usize = 256;
/// Servers besides its own that a room is spread over.
pub(super) const MAX_MIRRORS: usize = 32;
/// Rooms that are connected with one another.
pub(super) const MAX_SET: usize = 32;
/// Of each other room.
pub(super) const MAX_SHARED_TRACKS: usize = 64;

/// A peer that is silent for so long, or whose socket has broken so long ago, is gone.
pub(super) const SILENT_MS: u64 = 15_000;
/// Sockets are looked at this often while there are any. An object that is woken more often than every ten seconds never sleeps.
pub(super) const LOOK_MS: u64 = 15_000;
/// A room that nobody has been in for so long is closed.
pub(super) const IDLE_MS: u64 = 24 * 3_600_000;
/// A node is asked about a file that it is to play this long before its time, so that the file is there by then,
pub(super) const PLAYBACK_AHEAD_MS: u64 = 60_000;
/// this often while it plays,
pub(super) const PLAYBACK_ASKED_MS: u64 = protocol::Playback::KEPT_MS / 3;
/// after this pause where it could not be asked, or has failed,
pub(super) const PLAYBACK_PAUSE_MS: u64 = 3_000;
/// after so long when nothing has been heard of the question,
pub(super) const PLAYBACK_LOST_MS: u64 = 60_000;
/// and no more when it has failed so often.
pub(super) const PLAYBACK_TRIES: u32 = 5;
/// What another object did not hear is told again after so long.
pub(super) const AGAIN_MS: u64 = 1_000;
