//! What recorded media looks like outside: names, playlists, times in a transport stream, and what a cut slice still
//! holds. It knows file formats, RFC 8216 and the style that a job asks for. It does not know whose style that is, where media
//! comes from, how files are kept or uploaded, and it does no input or output but to read, or finish, what was cut off.

mod lone;
mod mpegts;
mod names;
pub mod playlist;
mod tags;
mod utc;

pub use lone::{FinishError, finish_mp4, whole_jpeg};
#[cfg(test)]
pub use mpegts::{probe_slice, to_us};
pub use mpegts::{MIN_MEDIA_US, cut_slice, finish_slice, padding, to_ticks};
pub use names::{FileNames, RecordingNames};
pub use tags::Discontinuity;
