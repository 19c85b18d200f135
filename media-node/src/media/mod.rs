//! The safe façade over FFmpeg: coded units in, pictures and sound out, and back. All `unsafe` of the node is here, and
//! no type of FFmpeg leaves this folder. It knows codecs, containers and clock ticks. It does not know recordings,
//! playlists, users or where bytes are kept.

#![allow(unsafe_code)]

pub mod annexb;
mod decode;
mod demux;
mod encode;
mod error;
mod hardware;
mod image;
mod mux;
mod picture;
mod reduce;
mod resample;
mod scale;

pub use decode::{AudioCodec, AudioDecoder, VideoDecoder};
pub use demux::{Demuxed, Demuxer};
pub use encode::{AudioEncoder, Coded, VideoEncoder, VideoEncoderChoice, VideoTarget};
pub use error::MediaError;
pub use image::decode_image;
pub use mux::{Container, Muxer, MuxerTrack, move_index_to_front};
pub use picture::{Picture, Plane};
pub use resample::{Resampler, Sound};
pub use scale::{Crop, Scaler};

/// Prepares FFmpeg for this process. Safe to call more than once.
pub fn init() -> Result<(), MediaError> {
    ffmpeg_next::init().map_err(MediaError::during("be initialised"))?;
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Warning);
    Ok(())
}
