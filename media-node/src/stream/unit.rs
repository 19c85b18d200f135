use bytes::Bytes;
use protocol::TrackKind;

use super::annexb::START_CODE;

/// What a track carries, known before its first unit and again at each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    H264(H264Format),
    Aac(AacFormat),
    Opus(OpusFormat),
    Pcm(PcmFormat),
    Mpeg(MpegFormat),
}

impl Format {
    /// Units by which decoding order may precede presentation order.
    pub(super) fn reorder_depth(&self) -> u8 {
        match self {
            Self::H264(h264) => h264.reorder_depth,
            Self::Aac(_) | Self::Opus(_) | Self::Pcm(_) | Self::Mpeg(_) => 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H264Format {
    /// One SPS NAL unit, without start code or length.
    pub sps: Bytes,
    /// One PPS NAL unit, likewise.
    pub pps: Bytes,
    /// In pixels, after cropping.
    pub width: u32,
    pub height: u32,
    /// Frames by which decoding order may precede presentation order; 0 without B-frames.
    pub reorder_depth: u8,
}

impl H264Format {
    /// SPS and PPS in Annex B form; nothing where they are not known.
    pub fn annex_b(&self) -> Vec<u8> {
        if self.sps.is_empty() || self.pps.is_empty() {
            return Vec::new();
        }
        [&START_CODE[..], &self.sps[..], &START_CODE[..], &self.pps[..]].concat()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacFormat {
    /// AudioSpecificConfig, ISO/IEC 14496-3.
    pub config: Bytes,
    pub sample_rate: u32,
    pub channels: u16,
    /// Samples of one access unit for each channel: 1024 or 960.
    pub frame_length: u32,
}

/// RFC 7587: always coded at 48 kHz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusFormat {
    /// 1 or 2.
    pub channels: u16,
}

/// Sound whose units hold as many samples as they are long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcmFormat {
    pub coding: PcmCoding,
    /// Of what is decoded.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u16,
}

/// How samples are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcmCoding {
    /// ITU-T G.711, µ-law: PCMU.
    MuLaw,
    /// ITU-T G.711, A-law: PCMA.
    ALaw,
    /// ITU-T G.722 at 64 kbit/s: a byte for two samples.
    G722,
    /// 16 bits, the high byte first.
    L16,
}

/// MPEG-1 and MPEG-2 audio, ISO/IEC 11172-3 and 13818-3, also at the lower rates of MPEG-2.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpegFormat {
    /// 2, or 3: MP3.
    pub layer: u8,
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Samples of one frame for each channel.
    pub frame_length: u32,
}

/// One coded picture or one coded audio frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Presentation time in microseconds on the recording's timeline, 0 at the recording's start.
    pub pts_us: i64,
    /// Decoding time, at most `pts_us` and growing from unit to unit of a track. Equal to `pts_us` for audio.
    pub dts_us: i64,
    /// H.264: Annex B, with SPS and PPS in front of each IDR picture. AAC: one raw frame without ADTS. Opus: one packet.
    /// PCM: whole samples. MPEG audio: one frame with its header.
    pub data: Bytes,
    /// Decoding can begin here.
    pub keyframe: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Track {
    Audio,
    Video,
}

impl Track {
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    pub fn kind(self) -> TrackKind {
        match self {
            Self::Audio => TrackKind::Audio,
            Self::Video => TrackKind::Video,
        }
    }
}
