//! What an audio or video message of RTMP holds: the body of an FLV tag, in the old form or in the enhanced one, where a FourCC
//! names the codec. Pure.

use bytes::{Buf, Bytes};

/// The codecs of the enhanced form that are taken.
pub(super) const FOUR_CCS: [&str; 8] = ["avc1", "hvc1", "av01", "vp09", "vp08", "mp4a", "Opus", ".mp3"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodecId {
    H264,
    H265,
    Av1,
    Vp8,
    Vp9,
    Aac,
    Opus,
    Mp3,
    Pcma,
    Pcmu,
}

impl CodecId {
    /// Its units can be read without a configuration.
    pub(super) fn needs_none(self) -> bool {
        matches!(self, Self::Vp8 | Self::Vp9 | Self::Mp3 | Self::Pcma | Self::Pcmu)
    }
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// How what follows is decoded, in the form of the codec's box in MP4.
    Configuration(CodecId, Bytes),
    Unit(Unit),
    /// Nothing that is recorded: the end of a sequence, a command, colour information.
    Other,
}

/// A picture or a frame of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) codec: CodecId,
    /// Decoding can begin with it.
    pub(super) is_key: bool,
    /// How much later than the tag's time it is shown.
    pub(super) composition_ms: i32,
    pub(super) data: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TagError {
    #[error("a tag is cut off")]
    CutOff,
    /// For a person.
    #[error(
        "{0} cannot be taken by RTMP: publish H.264, H.265, AV1, VP8 or VP9 pictures, and AAC, Opus, MP3 or G.711 sound"
    )]
    Codec(String),
}

const KEY_OR_INTER: std::ops::RangeInclusive<u8> = 1..=4;
const KEY: u8 = 1;

const H264: u8 = 7;
/// As some vendors have extended the old form.
const H265: u8 = 12;
const MP3: u8 = 2;
const PCMA: u8 = 7;
const PCMU: u8 = 8;
const AAC: u8 = 10;
const MP3_AT_8_KHZ: u8 = 14;
/// In place of an old sound format.
const ENHANCED_AUDIO: u8 = 9;
const ENHANCED_VIDEO: u8 = 0x80;

/// The kinds of packets in the enhanced form.
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const CODED_FRAMES_X: u8 = 3;
const MULTITRACK_VIDEO: u8 = 6;
const MULTITRACK_AUDIO: u8 = 5;
const MODIFIER: u8 = 7;

pub(super) fn video(mut tag: Bytes) -> Result<Tag, TagError> {
    // Some encoders send such.
    if tag.is_empty() {
        return Ok(Tag::Other);
    }
    let head = tag.get_u8();
    if head & ENHANCED_VIDEO != 0 {
        let frame = head >> 4 & 7;
        if !KEY_OR_INTER.contains(&frame) {
            return Ok(Tag::Other);
        }
        let is_key = frame == KEY;
        let kind = behind_modifiers(head & 0x0f, &mut tag)?;
        if kind == MULTITRACK_VIDEO {
            return Err(TagError::Codec("Several pictures in one stream".to_owned()));
        }
        let codec = four_cc(&mut tag)?;
        return match kind {
            SEQUENCE_START => Ok(Tag::Configuration(codec, tag)),
            CODED_FRAMES if matches!(codec, CodecId::H264 | CodecId::H265) => timed(codec, is_key, tag),
            CODED_FRAMES | CODED_FRAMES_X => Ok(unit(codec, is_key, 0, tag)),
            _ => Ok(Tag::Other),
        };
    }
    if !KEY_OR_INTER.contains(&(head >> 4)) {
        return Ok(Tag::Other);
    }
    let codec = match head & 0x0f {
        H264 => CodecId::H264,
        H265 => CodecId::H265,
        other => return Err(TagError::Codec(old_video(other))),
    };
    match tag.try_get_u8().map_err(|_| TagError::CutOff)? {
        0 => Ok(Tag::Configuration(codec, tag.split_off(tag.len().min(3)))),
        1 => timed(codec, head >> 4 == KEY, tag),
        _ => Ok(Tag::Other),
    }
}

pub(super) fn audio(mut tag: Bytes) -> Result<Tag, TagError> {
    if tag.is_empty() {
        return Ok(Tag::Other);
    }
    let head = tag.get_u8();
    match head >> 4 {
        ENHANCED_AUDIO => {
            let kind = behind_modifiers(head & 0x0f, &mut tag)?;
            if kind == MULTITRACK_AUDIO {
                return Err(TagError::Codec("Several sounds in one stream".to_owned()));
            }
            let codec = four_cc(&mut tag)?;
            match kind {
                SEQUENCE_START => Ok(Tag::Configuration(codec, tag)),
                CODED_FRAMES => Ok(unit(codec, true, 0, tag)),
                _ => Ok(Tag::Other),
            }
        }
        AAC => match tag.try_get_u8() {
            Ok(0) => Ok(Tag::Configuration(CodecId::Aac, tag)),
            Ok(1) => Ok(unit(CodecId::Aac, true, 0, tag)),
            Ok(_) => Ok(Tag::Other),
            Err(_) => Err(TagError::CutOff),
        },
        MP3 | MP3_AT_8_KHZ => Ok(unit(CodecId::Mp3, true, 0, tag)),
        PCMA => Ok(unit(CodecId::Pcma, true, 0, tag)),
        PCMU => Ok(unit(CodecId::Pcmu, true, 0, tag)),
        other => Err(TagError::Codec(old_audio(other))),
    }
}

/// A picture behind its composition time.
fn timed(codec: CodecId, is_key: bool, mut tag: Bytes) -> Result<Tag, TagError> {
    if tag.len() < 3 {
        return Err(TagError::CutOff);
    }
    let composition_ms = tag.get_int(3) as i32;
    Ok(unit(codec, is_key, composition_ms, tag))
}

fn unit(codec: CodecId, is_key: bool, composition_ms: i32, data: Bytes) -> Tag {
    match data.is_empty() {
        true => Tag::Other,
        false => Tag::Unit(Unit {
            codec,
            is_key,
            composition_ms,
            data,
        }),
    }
}

/// What kind of packet it is once its modifiers are skipped: they refine its time by nanoseconds.
fn behind_modifiers(mut kind: u8, tag: &mut Bytes) -> Result<u8, TagError> {
    while kind == MODIFIER {
        let mut length = usize::from(tag.try_get_u8().map_err(|_| TagError::CutOff)?) + 1;
        if length == 256 {
            length = usize::from(tag.try_get_u16().map_err(|_| TagError::CutOff)?) + 1;
        }
        if tag.len() <= length {
            return Err(TagError::CutOff);
        }
        tag.advance(length);
        kind = tag.get_u8() & 0x0f;
    }
    Ok(kind)
}

fn four_cc(tag: &mut Bytes) -> Result<CodecId, TagError> {
    let name = tag.first_chunk::<4>().copied().ok_or(TagError::CutOff)?;
    tag.advance(4);
    match &name {
        b"avc1" => Ok(CodecId::H264),
        b"mp4a" => Ok(CodecId::Aac),
        b"Opus" => Ok(CodecId::Opus),
        b".mp3" => Ok(CodecId::Mp3),
        b"hvc1" => Ok(CodecId::H265),
        b"av01" => Ok(CodecId::Av1),
        b"vp09" => Ok(CodecId::Vp9),
        b"vp08" => Ok(CodecId::Vp8),
        other => Err(TagError::Codec(format!("\"{}\"", other.escape_ascii()))),
    }
}

fn old_video(codec: u8) -> String {
    match codec {
        2 => "Sorenson H.263".to_owned(),
        4 | 5 => "VP6".to_owned(),
        other => format!("Video codec {other}"),
    }
}

fn old_audio(format: u8) -> String {
    match format {
        0 | 3 => "PCM".to_owned(),
        11 => "Speex".to_owned(),
        other => format!("Audio codec {other}"),
    }
}
