//! What an audio or video message of RTMP holds: the body of an FLV tag, in the old form or in the enhanced one, where a FourCC
//! names the codec. Pure.

use bytes::{Buf, Bytes};

/// The codecs of the enhanced form that are taken.
pub(super) const FOUR_CCS: [&str; 3] = ["avc1", "mp4a", "Opus"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodecId {
    H264,
    Aac,
    Opus,
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
    /// How much later than the tag's time it is shown.
    pub(super) composition_ms: i32,
    pub(super) data: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TagError {
    #[error("a tag is cut off")]
    CutOff,
    /// For a person.
    #[error("{0} cannot be taken by RTMP: publish H.264 pictures, and AAC or Opus sound")]
    Codec(String),
}

const KEY_OR_INTER: std::ops::RangeInclusive<u8> = 1..=4;

const H264: u8 = 7;
const AAC: u8 = 10;
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
        if !KEY_OR_INTER.contains(&(head >> 4 & 7)) {
            return Ok(Tag::Other);
        }
        let kind = behind_modifiers(head & 0x0f, &mut tag)?;
        if kind == MULTITRACK_VIDEO {
            return Err(TagError::Codec("Several pictures in one stream".to_owned()));
        }
        let codec = four_cc(&mut tag)?;
        return match kind {
            SEQUENCE_START => Ok(Tag::Configuration(codec, tag)),
            CODED_FRAMES if codec == CodecId::H264 => timed(codec, tag),
            CODED_FRAMES | CODED_FRAMES_X => Ok(unit(codec, 0, tag)),
            _ => Ok(Tag::Other),
        };
    }
    if !KEY_OR_INTER.contains(&(head >> 4)) {
        return Ok(Tag::Other);
    }
    match head & 0x0f {
        H264 => {}
        other => return Err(TagError::Codec(old_video(other))),
    }
    match tag.try_get_u8().map_err(|_| TagError::CutOff)? {
        0 => Ok(Tag::Configuration(CodecId::H264, tag.split_off(tag.len().min(3)))),
        1 => timed(CodecId::H264, tag),
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
                CODED_FRAMES => Ok(unit(codec, 0, tag)),
                _ => Ok(Tag::Other),
            }
        }
        AAC => match tag.try_get_u8() {
            Ok(0) => Ok(Tag::Configuration(CodecId::Aac, tag)),
            Ok(1) => Ok(unit(CodecId::Aac, 0, tag)),
            Ok(_) => Ok(Tag::Other),
            Err(_) => Err(TagError::CutOff),
        },
        other => Err(TagError::Codec(old_audio(other))),
    }
}

/// A picture behind its composition time.
fn timed(codec: CodecId, mut tag: Bytes) -> Result<Tag, TagError> {
    if tag.len() < 3 {
        return Err(TagError::CutOff);
    }
    let composition_ms = tag.get_int(3) as i32;
    Ok(unit(codec, composition_ms, tag))
}

fn unit(codec: CodecId, composition_ms: i32, data: Bytes) -> Tag {
    match data.is_empty() {
        true => Tag::Other,
        false => Tag::Unit(Unit {
            codec,
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
        b"hvc1" => Err(TagError::Codec("H.265".to_owned())),
        b"av01" => Err(TagError::Codec("AV1".to_owned())),
        b"vp09" => Err(TagError::Codec("VP9".to_owned())),
        b"vp08" => Err(TagError::Codec("VP8".to_owned())),
        other => Err(TagError::Codec(format!("\"{}\"", other.escape_ascii()))),
    }
}

fn old_video(codec: u8) -> String {
    match codec {
        2 => "Sorenson H.263".to_owned(),
        4 | 5 => "VP6".to_owned(),
        12 => "H.265 in the form of some vendors".to_owned(),
        other => format!("Video codec {other}"),
    }
}

fn old_audio(format: u8) -> String {
    match format {
        0 | 3 => "PCM".to_owned(),
        2 | 14 => "MP3".to_owned(),
        7 | 8 => "G.711".to_owned(),
        11 => "Speex".to_owned(),
        other => format!("Audio codec {other}"),
    }
}
