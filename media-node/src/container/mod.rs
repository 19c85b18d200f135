//! What recorded media looks like outside: names, playlists, times in a transport stream, and what a cut slice still
//! holds. It knows file formats, RFC 8216 and the style that a job asks for. It does not know whose style that is, where media
//! comes from, how files are kept or uploaded, and it does no input or output but to read, or finish, what was cut off.

mod lone;
mod names;
mod padding;
pub mod playlist;
mod probe;
mod tags;
mod timeline;
mod utc;

pub use lone::{FinishError, finish_mp4, whole_jpeg};
pub use names::{FileNames, RecordingNames};
pub use padding::padding;
#[cfg(test)]
pub use probe::probe_slice;
pub use probe::{cut_slice, finish_slice};
pub use tags::Discontinuity;
pub use timeline::{MIN_MEDIA_US, to_ticks, to_us};
