//! RTP payloads in, access units out: one file a codec, behind one trait.
//!
//! May not know: media time (only RTP timestamps), sockets, sessions, the other tracks.

mod aac;
mod aac_frames;
mod assembly;
mod av1;
mod av1_headers;
mod h264;
mod h265;
mod h265_sets;
mod h265_vui;
mod jpeg;
mod jpeg_tables;
mod latm;
mod markers;
mod mpeg_audio;
mod opus;
mod parameter_sets;
mod payload;
mod pcm;
mod pictures;
mod sei;
mod vp8;
mod vp9;

use bytes::Bytes;

use super::Format;

pub use av1::av1_picture_size;
pub use h265_sets::{h265_picture_buffer, h265_picture_size};
pub use jpeg::jpeg_picture_size;
pub use parameter_sets::{PictureBuffer, picture_buffer, picture_size, told_reorder_depth};
pub use payload::{Fmtp, PayloadFormat};
pub use vp8::vp8_picture_size;
pub(super) use vp8::{Vp8Descriptor, vp8_is_key};
pub(super) use vp9::Vp9Descriptor;
pub use vp9::vp9_format;

/// More than any picture that is worth recording; a longer one is a broken or hostile stream.
const MAX_UNIT_BYTES: usize = 8 << 20;

/// One RTP packet, in the order of its sequence number.
#[derive(Clone, Debug)]
pub struct Packet {
    /// On the recording's timeline.
    pub arrival_us: i64,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Bytes,
}

/// One access unit, its time still an RTP timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub timestamp: u32,
    /// When its first packet came.
    pub arrival_us: i64,
    /// As in [`super::AccessUnit`].
    pub data: Bytes,
    pub keyframe: bool,
    /// With the first frame, and with the first one of each new format.
    pub format: Option<FrameFormat>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameFormat {
    pub format: Format,
    /// Nominal time between two frames.
    pub frame_us: i64,
}

/// A payload that its codec's format does not allow.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

pub trait Depacketizer: Send {
    /// Takes the next packet and appends the frames that it completes. After an error the depacketizer is in the state
    /// that [`Depacketizer::lost`] leaves.
    fn push(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let taken = self.take(packet, frames);
        if taken.is_err() {
            self.lost();
        }
        taken
    }

    /// Does the work of [`Depacketizer::push`]; after an error the state is not tidied up.
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed>;

    /// No more packets come: appends the frame that is complete and waited for the next one.
    fn end(&mut self, _: &mut Vec<Frame>) {}

    /// Packets are missing before the next one: drops what they damaged, and for video all up to the next keyframe.
    fn lost(&mut self);
}

/// The depacketizer for payloads of this format, or the codec's name when it cannot be recorded.
pub fn depacketizer(format: &PayloadFormat) -> Result<Box<dyn Depacketizer>, String> {
    let made: Result<Box<dyn Depacketizer>, &str> = match format.encoding.as_str() {
        "h264" => h264::H264::new(&format.fmtp).map(|h264| Box::new(h264) as _),
        "h265" => h265::H265::new(&format.fmtp).map(|h265| Box::new(h265) as _),
        "vp8" => Ok(Box::new(vp8::Vp8::new()) as _),
        "vp9" => Ok(Box::new(vp9::Vp9::new()) as _),
        "av1" => Ok(Box::new(av1::Av1::new()) as _),
        "jpeg" => Ok(Box::new(jpeg::Jpeg::new()) as _),
        "mpeg4-generic" => aac::Aac::new(format).map(|aac| Box::new(aac) as _),
        "mp4a-latm" => latm::Latm::new(format).map(|latm| Box::new(latm) as _),
        "opus" => opus::Opus::new(format).map(|opus| Box::new(opus) as _),
        "pcmu" | "pcma" | "g722" | "l16" => pcm::Pcm::new(format).map(|pcm| Box::new(pcm) as _),
        "mpa" => mpeg_audio::MpegAudio::new(format).map(|mpeg| Box::new(mpeg) as _),
        other => return Err(other.to_owned()),
    };
    made.map_err(|why| format!("{} ({why})", format.encoding))
}
