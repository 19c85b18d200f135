use proptest::prelude::*;
use protocol::{Cipher, Secret};

use super::*;

const CIPHERS: [Cipher; 3] = [Cipher::Aes128Xts, Cipher::Aes128Ecb, Cipher::Aes256Xts];

fn keys(cipher: Cipher) -> Keys {
    Keys::expand(cipher, &[7; 32])
}

fn counter() -> impl FnMut() -> [u8; 8] {
    let mut number = 0u64;
    move || {
        number += 1;
        number.to_le_bytes()
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The table of test vectors in the document for publishers: mode, codec, unit and sealed unit, in hexadecimal.
fn documented() -> Vec<[String; 4]> {
    let document = include_str!("../../../docs/encryption.md");
    let rows = document.lines().filter(|line| line.starts_with("| `aes-"));
    rows.map(|row| {
        let cells: Vec<_> = row
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect();
        cells.try_into()
    })
    .filter_map(Result::ok)
    .collect()
}

#[test]
fn the_documents_vectors_are_kept() {
    let number = || [1, 2, 3, 4, 5, 6, 7, 8];
    let rows = documented();
    assert_eq!(rows.len(), 9, "three modes of three codecs");
    for [mode, codec, unit, sealed] in rows {
        let cipher = match mode.as_str() {
            "aes-128-xts" => Cipher::Aes128Xts,
            "aes-128-ecb" => Cipher::Aes128Ecb,
            "aes-256-xts" => Cipher::Aes256Xts,
            other => panic!("{other}"),
        };
        let codec = match codec.as_str() {
            "H.264" => Codec::H264,
            "AAC" => Codec::Aac,
            "Opus" => Codec::Opus,
            other => panic!("{other}"),
        };
        let keys = Keys::derive(cipher, &Secret::new("correct horse"), "room");
        let (unit, sealed) = (from_hex(&unit), from_hex(&sealed));
        assert_eq!(
            hex::encode(keys.seal(codec, &unit, &mut || number())),
            hex::encode(&sealed),
            "{mode} {codec:?}"
        );
        assert_eq!(keys.open(codec, &sealed).unwrap(), unit, "{mode} {codec:?}");
    }
}

#[test]
fn what_the_depacketizer_needs_stays_clear() {
    let unit = [
        &[0, 0, 0, 1, 0x67, 1, 2][..],
        &[0, 0, 0, 1, 0x68, 3],
        &[0, 0, 0, 1, 0x65],
        &[0x88; 100],
    ]
    .concat();
    let sealed = keys(Cipher::Aes128Xts).seal(Codec::H264, &unit, &mut counter());
    assert_eq!(
        sealed[..26],
        unit[..26],
        "parameter sets, NAL header and the first eight bytes"
    );
    assert_ne!(sealed[26..42], unit[26..42]);
    let opus = [&[0xfb, 0x02][..], &[9; 60]].concat();
    let sealed = keys(Cipher::Aes128Xts).seal(Codec::Opus, &opus, &mut counter());
    assert_eq!(
        OpusHead::read(&sealed).unwrap().samples,
        OpusHead::read(&opus).unwrap().samples
    );
    assert!(looks_sealed(&sealed) && !looks_sealed(&opus));
}

#[test]
fn another_secret_channel_or_mode_opens_nothing() {
    let secret = Secret::new("a");
    let sealed = Keys::derive(Cipher::Aes128Xts, &secret, "room").seal(Codec::Aac, &[5; 99], &mut counter());
    let others = [
        Keys::derive(Cipher::Aes128Xts, &Secret::new("b"), "room"),
        Keys::derive(Cipher::Aes128Xts, &secret, "hall"),
        Keys::derive(Cipher::Aes128Ecb, &secret, "room"),
        Keys::derive(Cipher::Aes256Xts, &secret, "room"),
    ];
    for other in others {
        assert_eq!(other.open(Codec::Aac, &sealed), Err(Locked::WrongSecret));
    }
    assert_eq!(keys(Cipher::Aes128Xts).open(Codec::Aac, &[5; 99]), Err(Locked::Clear));
    assert_eq!(format!("{:?}", keys(Cipher::Aes128Ecb)), "Keys(…)");
}

proptest! {
    #[test]
    fn what_is_sealed_can_be_opened(sound in proptest::collection::vec(any::<u8>(), 1..200), cipher in 0usize..3) {
        let keys = keys(CIPHERS[cipher]);
        for codec in [Codec::Aac, Codec::Opus] {
            let sealed = keys.seal(codec, &sound, &mut counter());
            prop_assert_eq!(&keys.open(codec, &sealed).unwrap()[..], &sound[..]);
        }
    }

    #[test]
    fn slices_of_any_size_survive(
        slices in proptest::collection::vec((1u8..6, proptest::collection::vec(0u8..6, 0..60)), 1..4),
        cipher in 0usize..3,
    ) {
        // As a publisher has them: with emulation prevention, and never with a zero at the end.
        let unit: Vec<u8> = slices
            .iter()
            .flat_map(|(kind, noise)| {
                let payload = noise.iter().flat_map(|byte| [*byte, 0xff]);
                [0, 0, 0, 1, 0x60 | *kind].into_iter().chain(payload).chain([0x80])
            })
            .collect();
        let keys = keys(CIPHERS[cipher]);
        let sealed = keys.seal(Codec::H264, &unit, &mut counter());
        prop_assert_eq!(crate::stream::annexb::nal_units(&sealed).count(), slices.len());
        prop_assert_eq!(&keys.open(Codec::H264, &sealed).unwrap()[..], &unit[..]);
    }

    #[test]
    fn a_changed_byte_opens_nothing(at in 0usize..120, flip in 1u8..=255, cipher in 0usize..3) {
        let keys = keys(CIPHERS[cipher]);
        let mut sealed = keys.seal(Codec::Aac, &[3; 90], &mut counter());
        let at = at % sealed.len();
        sealed[at] ^= flip;
        prop_assert!(keys.open(Codec::Aac, &sealed).is_err());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), cipher in 0usize..3) {
        let keys = keys(CIPHERS[cipher]);
        let marked = [&bytes[..], b"TDE1"].concat();
        for codec in [Codec::H264, Codec::Aac, Codec::Opus] {
            let _ = keys.open(codec, &bytes);
            let _ = keys.open(codec, &marked);
            let _ = keys.seal(codec, &bytes, &mut counter());
        }
    }
}
