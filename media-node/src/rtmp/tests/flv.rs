use bytes::Bytes;
use proptest::prelude::*;

use crate::rtmp::flv::{CodecId, Tag, TagError, Unit, audio, video};

fn unit(codec: CodecId, is_key: bool, composition_ms: i32, data: &'static [u8]) -> Result<Tag, TagError> {
    Ok(Tag::Unit(Unit {
        codec,
        is_key,
        composition_ms,
        data: Bytes::from_static(data),
    }))
}

fn configuration(codec: CodecId, data: &'static [u8]) -> Result<Tag, TagError> {
    Ok(Tag::Configuration(codec, Bytes::from_static(data)))
}

#[test]
fn the_old_form_is_read() {
    let video = |tag: &'static [u8]| video(Bytes::from_static(tag));
    let audio = |tag: &'static [u8]| audio(Bytes::from_static(tag));
    assert_eq!(
        video(b"\x17\x00\x00\x00\x00avcC"),
        configuration(CodecId::H264, b"avcC")
    );
    assert_eq!(video(b"\x17\x01\x00\x00\x50pic"), unit(CodecId::H264, true, 80, b"pic"));
    assert_eq!(
        video(b"\x27\x01\xff\xff\xfepic"),
        unit(CodecId::H264, false, -2, b"pic")
    );
    for nothing in [&b""[..], b"\x17\x02\x00\x00\x00", b"\x57\x00", b"\x27\x01\x00\x00\x00"] {
        assert_eq!(video(nothing), Ok(Tag::Other), "{nothing:?}");
    }
    assert_eq!(audio(b"\xaf\x00\x12\x10"), configuration(CodecId::Aac, b"\x12\x10"));
    assert_eq!(audio(b"\xaf\x01sound"), unit(CodecId::Aac, true, 0, b"sound"));
    assert_eq!((audio(b""), audio(b"\xaf\x01")), (Ok(Tag::Other), Ok(Tag::Other)));
    for cut_off in [&b"\x17"[..], b"\x17\x01\x00"] {
        assert_eq!(video(cut_off), Err(TagError::CutOff));
    }
    assert_eq!(audio(b"\xaf"), Err(TagError::CutOff));
    assert_eq!(
        video(b"\x1c\x00\x00\x00\x00hvcC"),
        configuration(CodecId::H265, b"hvcC")
    );
    assert_eq!(audio(b"\x2f\xff\xfb"), unit(CodecId::Mp3, true, 0, b"\xff\xfb"));
    assert_eq!(audio(b"\x72ab"), unit(CodecId::Pcma, true, 0, b"ab"));
    assert_eq!(audio(b"\x82ab"), unit(CodecId::Pcmu, true, 0, b"ab"));
}

#[test]
fn the_enhanced_form_is_read() {
    let video = |tag: &'static [u8]| video(Bytes::from_static(tag));
    let audio = |tag: &'static [u8]| audio(Bytes::from_static(tag));
    assert_eq!(video(b"\x90avc1conf"), configuration(CodecId::H264, b"conf"));
    assert_eq!(video(b"\x91avc1\x00\x00\x28pic"), unit(CodecId::H264, true, 40, b"pic"));
    assert_eq!(video(b"\xa3avc1pic"), unit(CodecId::H264, false, 0, b"pic"));
    assert_eq!(video(b"\x92avc1"), Ok(Tag::Other));
    assert_eq!(video(b"\x91hvc1\x00\x00\x28pic"), unit(CodecId::H265, true, 40, b"pic"));
    assert_eq!(video(b"\xa1av01pic"), unit(CodecId::Av1, false, 0, b"pic"));
    assert_eq!(video(b"\x90vp09conf"), configuration(CodecId::Vp9, b"conf"));
    assert_eq!(video(b"\x91vp08pic"), unit(CodecId::Vp8, true, 0, b"pic"));
    assert_eq!(audio(b"\x91.mp3\xff\xfb"), unit(CodecId::Mp3, true, 0, b"\xff\xfb"));
    assert_eq!(audio(b"\x90OpusOpusHead"), configuration(CodecId::Opus, b"OpusHead"));
    assert_eq!(audio(b"\x91Opus\xfcx"), unit(CodecId::Opus, true, 0, b"\xfcx"));
    // Nanoseconds stand ahead of the kind.
    assert_eq!(
        audio(b"\x97\x02\x00\x00\x07\x01Opus\xfcx"),
        unit(CodecId::Opus, true, 0, b"\xfcx")
    );
    assert_eq!(
        (video(b"\x91av"), audio(b"\x97\xff\x00")),
        (Err(TagError::CutOff), Err(TagError::CutOff))
    );
}

#[test]
fn a_codec_that_is_not_taken_is_named() {
    let named = |result: Result<Tag, TagError>, name: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains("publish H.264"), "{error}");
    };
    let of = |tag: &'static [u8]| Bytes::from_static(tag);
    named(video(of(b"\x12\x00")), "Sorenson");
    named(video(of(b"\x90\"\xff\x00!conf")), "\"\\\"\\xff\\x00!\"");
    named(audio(of(b"\xb2\x00")), "Speex");
    named(audio(of(b"\x90fLaCconf")), "\"fLaC\"");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = video(bytes.clone().into());
        let _ = audio(bytes.into());
    }
}
