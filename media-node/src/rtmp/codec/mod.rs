//! How the units of each codec become payloads of RTP. A codec is a file here, a line in [`codec`], and a name in `flv.rs`.

mod aac;
mod av1;
mod h264;
mod h265;
mod nal;
mod old_sound;
mod opus;
mod vpx;

use bytes::Bytes;

use super::flv::CodecId;

/// The most that a payload holds: with all heads it fits into a datagram on any way, for players by UDP.
const MAX_PAYLOAD: usize = 1_200;
/// Pictures consist of some slices or tiles, and what is told of them beside. Each takes far more memory than the bytes that name it.
const MAX_PARTS: usize = 1_024;
const TOO_MANY_PARTS: Unreadable = Unreadable("a picture consists of more parts than any can");

/// One packet of RTP without its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// It ends its unit.
    pub(super) marker: bool,
    pub(super) data: Bytes,
}

/// What a session description says of a codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// `H264/90000`
    pub(super) encoding: String,
    pub(super) parameters: String,
    /// Ticks of a timestamp in a second.
    pub(super) clock_rate: u32,
}

/// A track's codec with its configuration.
pub(super) trait Codec: Send {
    fn terms(&self) -> Terms;

    /// Takes a new configuration of the same codec. False when players have to be told of it by a new description.
    fn reconfigure(&mut self, configuration: &Bytes) -> Result<bool, Unreadable>;

    /// Packs a unit. What belongs to no unit is left out. `is_key`: decoding can begin with it.
    fn pack(&mut self, unit: &Bytes, is_key: bool) -> Result<Vec<Payload>, Unreadable>;

    /// How many ticks a unit lasts; `None` of pictures.
    fn ticks(&self, unit: &Bytes) -> Option<u32>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(pub(super) &'static str);

/// The codec of a track that begins with this configuration, which is empty where there is none.
pub(super) fn codec(id: CodecId, configuration: &Bytes) -> Result<Box<dyn Codec>, Unreadable> {
    Ok(match id {
        CodecId::H264 => Box::new(h264::H264::new(configuration)?),
        CodecId::H265 => Box::new(h265::H265::new(configuration)?),
        CodecId::Av1 => Box::new(av1::Av1::new(configuration)?),
        CodecId::Vp8 => Box::new(vpx::Vpx::Vp8),
        CodecId::Vp9 => Box::new(vpx::Vpx::Vp9),
        CodecId::Mp3 => Box::new(old_sound::OldSound::Mp3),
        CodecId::Pcma => Box::new(old_sound::OldSound::Pcma),
        CodecId::Pcmu => Box::new(old_sound::OldSound::Pcmu),
        CodecId::Aac => Box::new(aac::Aac::new(configuration)?),
        CodecId::Opus => Box::new(opus::Opus::new(configuration)?),
    })
}
