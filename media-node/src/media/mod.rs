//! The safe façade over FFmpeg: coded units in, MPEG-TS, MP4 or WebM bytes, pictures or sound out, and back. All `unsafe` of the
//! node is here, and no type of FFmpeg leaves this folder. It knows codecs, containers and clock ticks. It does not know
//! recordings, playlists, users or where bytes are kept.

#![allow(unsafe_code)]

mod convert;
mod copy;
mod crop;
mod decode;
mod demux;
mod describe;
mod encode;
mod error;
mod form;
mod hardware;
mod image;
mod join;
mod jpeg;
mod log;
mod matrix;
mod mp4;
mod picture;
mod piece_demux;
mod piece_mux;
mod pipe;
mod publish;
mod reduce;
mod resample;
mod scale;
#[cfg(test)]
pub mod testing;
mod ts_demux;
mod ts_mux;
mod turn;

pub use convert::convert;
pub use crop::Crop;
pub use decode::{AudioCodec, AudioDecoder, VideoDecoder};
pub use demux::{Demuxed, Demuxer};
pub use describe::MuxedTrack;
pub use encode::{AudioEncoder, Coded, VideoEncoder, VideoEncoderChoice, VideoTarget};
pub use error::MediaError;
pub use form::FileForm;
pub use image::decode_image;
pub use join::Mp4Joiner;
pub use jpeg::encode_jpeg;
pub use mp4::{Mp4Brand, Mp4Muxer, duration_us, move_index_to_front};
pub use picture::Picture;
pub use piece_demux::{PieceUnit, piece_units};
pub use piece_mux::{PieceFormat, PieceMuxer, TimedUnit};
pub use publish::RtspPublisher;
pub use resample::{Resampler, Sound};
pub use scale::Scaler;
pub use ts_demux::{DemuxedUnit, TsDemuxer};
pub use ts_mux::{TsMuxer, TsUnit};

/// Prepares FFmpeg for this process: error texts, and its log lines as `tracing` events of the target `ffmpeg`. Safe to
/// call more than once.
pub fn init() -> Result<(), MediaError> {
    ffmpeg_next::init().map_err(|source| MediaError::new("be initialised", source))?;
    log::install();
    Ok(())
}
