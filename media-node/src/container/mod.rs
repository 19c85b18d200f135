//! What recorded media looks like outside: names, playlists, slices in their container, and what a cut slice still holds.
//! What cuts media into slices writes them through a [`SliceWriter`], and [`Container`] says which there are.
//!
//! It knows file formats, RFC 8216 and the style that a job asks for. It does not know whose style that is, where media comes
//! from, how files are kept or uploaded, and it does no input or output but to read, or finish, what was cut off.

mod initialization;
mod kind;
mod lone;
mod media_type;
mod mp3;
mod mpegts;
mod multivariant;
mod names;
mod pieces;
pub mod playlist;
mod remains;
mod tags;
mod utc;
mod whole;
mod writer;

pub use initialization::initialization;
pub use kind::Container;
pub use lone::{FinishError, whole_jpeg};
pub use media_type::media_type;
pub use mpegts::{SHORTEST_SLICE, to_ticks};
#[cfg(test)]
pub use mpegts::{probe_slice, to_us};
pub use multivariant::multivariant;
pub use names::{FileNames, RecordingNames};
pub use remains::{cut_slice, finish_slice};
pub use tags::Discontinuity;
pub use whole::{file_md5, finish_whole};
pub use writer::{Reach, SliceUnit, SliceWriter};
