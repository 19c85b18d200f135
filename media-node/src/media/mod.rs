//! The safe façade over FFmpeg: coded units in, MPEG-TS bytes out, and back. All `unsafe` of the node is here, and no
//! type of FFmpeg leaves this folder. It knows codecs, containers and clock ticks. It does not know recordings,
//! playlists, users or where bytes are kept.

#![allow(unsafe_code)]

mod error;
mod log;
mod ts_demux;
mod ts_mux;

pub use error::MediaError;
pub use ts_demux::{DemuxedUnit, TsDemuxer};
pub use ts_mux::{TsMuxer, TsUnit, parameter_sets};

/// Prepares FFmpeg for this process: error texts, and its log lines as `tracing` events of the target `ffmpeg`. Safe to
/// call more than once.
pub fn init() -> Result<(), MediaError> {
    ffmpeg_next::init().map_err(|source| MediaError::new("be initialised", source))?;
    log::install();
    Ok(())
}
