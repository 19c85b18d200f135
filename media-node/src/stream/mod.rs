//! Streams, whatever brings them: what a coded unit is, how RTP payloads become units, and where units stand on the
//! recording's timeline.
//!
//! All of it is pure: times are arguments. `depacketize` makes frames of RTP payloads, one file a codec; `succession` judges
//! their timestamps; `timeline`, `punctuality` and
//! `decode_times` turn RTP timestamps into media time; `track` and `rtp` are one track, and one stream, made of those parts,
//! held together by the sender's clock ([`UserClock`]).
//!
//! May not know: protocols that carry streams (RTSP, RTMP, WebRTC) and their sessions, channels and rosters, keys, decoders,
//! files and containers.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod annexb;
mod clock;
mod codec_name;
mod decode_times;
mod depacketize;
mod event;
pub mod h264_packet;
mod held;
mod intake;
pub mod keyframe;
mod locked;
mod mpeg_audio;
mod opus;
mod pace;
mod picture_limit;
mod punctuality;
mod rtp;
mod succession;
mod temporal_layer;
mod timeline;
mod track;
mod turned;
mod unit;
mod user_clock;
mod video;
mod way_in;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
pub mod tests;

pub use clock::Clock;
pub use depacketize::{
    Depacketizer, Fmtp, Frame, FrameFormat, Packet, PayloadFormat, depacketizer, h265_picture_size, picture_size,
    told_reorder_depth,
};
pub use event::{StreamEnd, StreamEvent};
pub use locked::{Locked, Passed, Unlock};
#[cfg(test)]
pub use mpeg_audio::MpegHead;
pub use opus::OpusHead;
pub use picture_limit::{NotDecoded, PictureLimit};
pub use punctuality::Patience;
pub use rtp::RtpStream;
pub use temporal_layer::temporal_layer;
pub use track::{RtpTrack, SenderReport};
pub use unit::{
    AacFormat, AccessUnit, Av1Format, Coding, Format, H264Format, H265Format, JpegFormat, MpegFormat, OpusFormat,
    PcmCoding, PcmFormat, Quarters, Track, Vp8Format, Vp9Format,
};
pub use user_clock::UserClock;
pub use video::VideoCodec;
