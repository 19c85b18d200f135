use bytes::Bytes;
use protocol::TrackKind;

use super::annexb::{START_CODE, parameter_sets};
use super::video::VideoCodec;

/// What a track carries, known before its first unit and again at each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    H264(H264Format),
    H265(H265Format),
    Vp8(Vp8Format),
    Vp9(Vp9Format),
    Av1(Av1Format),
    Jpeg(JpegFormat),
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
            Self::H265(h265) => h265.reorder_depth,
            Self::Vp8(_)
            | Self::Vp9(_)
            | Self::Av1(_)
            | Self::Jpeg(_)
            | Self::Aac(_)
            | Self::Opus(_)
            | Self::Pcm(_)
            | Self::Mpeg(_) => 0,
        }
    }

    /// What its pictures are coded in; `None` for sound.
    pub fn video_codec(&self) -> Option<VideoCodec> {
        match self {
            Self::H264(_) => Some(VideoCodec::H264),
            Self::H265(_) => Some(VideoCodec::H265),
            Self::Vp8(_) => Some(VideoCodec::Vp8),
            Self::Vp9(_) => Some(VideoCodec::Vp9),
            Self::Av1(_) => Some(VideoCodec::Av1),
            Self::Jpeg(_) => Some(VideoCodec::Jpeg),
            Self::Aac(_) | Self::Opus(_) | Self::Pcm(_) | Self::Mpeg(_) => None,
        }
    }

    /// How its pictures are decoded; `None` for sound.
    pub fn coding(&self) -> Option<Coding> {
        let quarters = match self {
            Self::Vp8(vp8) => vp8.quarters,
            Self::Vp9(vp9) => vp9.quarters,
            Self::Av1(av1) => av1.quarters,
            _ => Quarters::default(),
        };
        let codec = self.video_codec()?;
        Some(Coding { codec, quarters })
    }

    /// Its pictures have to be turned like this from here on. Answers whether that is news.
    pub(super) fn turn_to(&mut self, quarters: Quarters) -> bool {
        let own = match self {
            Self::Vp8(vp8) => &mut vp8.quarters,
            Self::Vp9(vp9) => &mut vp9.quarters,
            Self::Av1(av1) => &mut av1.quarters,
            _ => return false,
        };
        std::mem::replace(own, quarters) != quarters
    }

    pub fn is_video(&self) -> bool {
        self.video_codec().is_some()
    }

    /// The width and height of its pictures as they are shown, in pixels; `None` for sound.
    pub fn picture_size(&self) -> Option<(u32, u32)> {
        match self {
            Self::H264(h264) => Some((h264.width, h264.height)),
            Self::H265(h265) => Some((h265.width, h265.height)),
            Self::Vp8(vp8) => Some((vp8.width, vp8.height)),
            Self::Vp9(vp9) => Some((vp9.width, vp9.height)),
            Self::Av1(av1) => Some((av1.width, av1.height)),
            Self::Jpeg(jpeg) => Some((jpeg.width, jpeg.height)),
            Self::Aac(_) | Self::Opus(_) | Self::Pcm(_) | Self::Mpeg(_) => None,
        }
    }

    /// Its parameter sets in Annex B form; nothing where they are not known, or are no NAL units.
    pub fn annex_b(&self) -> Vec<u8> {
        match self {
            Self::H264(h264) => h264.annex_b(),
            Self::H265(h265) => h265.annex_b(),
            Self::Vp8(_)
            | Self::Vp9(_)
            | Self::Av1(_)
            | Self::Jpeg(_)
            | Self::Aac(_)
            | Self::Opus(_)
            | Self::Pcm(_)
            | Self::Mpeg(_) => Vec::new(),
        }
    }
}

/// So many quarters of a turn clockwise does a picture need to stand upright, as its sender says beside it. In H.264 and H.265 the
/// picture itself may say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quarters(u8);

impl Quarters {
    /// Four of them are none.
    pub const fn new(number: u8) -> Self {
        Self(number & 3)
    }

    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What a decoder of pictures has to know that they do not say themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coding {
    pub codec: VideoCodec,
    pub quarters: Quarters,
}

impl From<VideoCodec> for Coding {
    fn from(codec: VideoCodec) -> Self {
        Self {
            codec,
            ..Self::default()
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
    /// What an encoder makes, by a keyframe of its in Annex B form and the size of its pictures. It tells decoding times itself, so that
    /// no depth is needed. `None` when the keyframe has no parameter sets.
    pub fn of_keyframe(keyframe: &[u8], width: u32, height: u32) -> Option<Self> {
        let (sps, pps) = parameter_sets(keyframe)?;
        let [sps, pps] = [sps, pps].map(Bytes::copy_from_slice);
        Some(Self {
            sps,
            pps,
            width,
            height,
            reorder_depth: 0,
        })
    }

    /// SPS and PPS in Annex B form; nothing where they are not known.
    pub fn annex_b(&self) -> Vec<u8> {
        annex_b(&[&self.sps, &self.pps])
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H265Format {
    /// One NAL unit each, without start code or length.
    pub vps: Bytes,
    pub sps: Bytes,
    pub pps: Bytes,
    /// In pixels, after cropping.
    pub width: u32,
    pub height: u32,
    /// Frames by which decoding order may precede presentation order; 0 without B-frames.
    pub reorder_depth: u8,
}

impl H265Format {
    /// VPS, SPS and PPS in Annex B form; nothing where they are not known.
    pub fn annex_b(&self) -> Vec<u8> {
        annex_b(&[&self.vps, &self.sps, &self.pps])
    }
}

/// NAL units in Annex B form; nothing where one of them is empty.
fn annex_b(units: &[&Bytes]) -> Vec<u8> {
    if units.iter().any(|unit| unit.is_empty()) {
        return Vec::new();
    }
    units
        .iter()
        .flat_map(|unit| [&START_CODE[..], &unit[..]].concat())
        .collect()
}

/// Of the last key frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp8Format {
    /// In pixels, as coded.
    pub width: u32,
    pub height: u32,
    pub quarters: Quarters,
}

/// Of the last key frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Format {
    /// In pixels; of the largest layer, where there are several.
    pub width: u32,
    pub height: u32,
    /// 0 to 3.
    pub profile: u8,
    /// Of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// Whether there are half as many samples of colour as of brightness, across and down.
    pub chroma_halved: (bool, bool),
    pub quarters: Quarters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1Format {
    /// One sequence header OBU, with its size.
    pub sequence_header: Bytes,
    /// Of the largest pictures, in pixels.
    pub width: u32,
    pub height: u32,
    pub quarters: Quarters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JpegFormat {
    /// In pixels.
    pub width: u32,
    pub height: u32,
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
    /// H.264 and H.265: Annex B, with the parameter sets in front of each keyframe. VP8: one
    /// frame. VP9: one superframe. AV1: the OBUs of one temporal unit, each with its size, without delimiters, and with the
    /// sequence header in each keyframe. JPEG: one whole file. AAC: one raw frame without ADTS. Opus: one packet.
    /// PCM: whole samples. MPEG audio: one frame with its header.
    pub data: Bytes,
    /// Decoding can begin here.
    pub keyframe: bool,
}

/// The sound of a stream, or its picture.
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
