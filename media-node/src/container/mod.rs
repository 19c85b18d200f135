//! What recorded media looks like outside: names, playlists, times in a transport stream, and what a cut slice still
//! holds. It knows the vendor's file formats and RFC 8216. It does not know where media comes from, how files are kept
//! or uploaded, and it does no input or output but to read, or finish, what was cut off.

mod lone;
mod names;
mod padding;
pub mod playlist;
mod probe;
pub mod tags;
mod timeline;

pub use lone::{FinishError, finish_mp4, whole_jpeg};
pub use names::{FileNames, utc17};
pub use padding::padding;
pub use probe::finish_slice;
#[cfg(test)]
pub use probe::probe_slice;
pub use timeline::{MIN_MEDIA_US, to_ticks, to_us};
