//! The vendor's token, by which a developer proves to know their secret: `001` and, in Base64, a JSON text that is encrypted
//! with the secret.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use protocol::Secret;
use serde::Deserialize;

const VERSION: &str = "001";
/// A secret is the key of AES-128.
const KEY_BYTES: usize = 16;
/// The initialization vector that the vendor's generators have.
const IV: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Longer ones are not decrypted: ids are short.
const MAX_BYTES: usize = 4_096;
/// An end below this is a number of seconds since the token was made, and otherwise a Unix time in seconds: the vendor says
/// neither.
const FIRST_TIME_S: u64 = 1_000_000_000;

/// What is wrong with a token, for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadToken(pub(super) &'static str);

/// What a token says of its maker. `gid` and `uid` are not looked at: for access tokens the generators write what they like.
#[derive(Deserialize)]
struct Claims {
    aid: String,
    #[serde(default)]
    et: u64,
    ts: u64,
}

/// Reads a token of the developer `id`. When it was made alone says nothing: one generator cuts its clock off.
pub(super) fn verify(token: &str, id: &str, secret: &Secret, now_ms: u64) -> Result<(), BadToken> {
    let claims = open(token, secret)?;
    if claims.aid != id {
        return Err(BadToken("the token was made for another developer id"));
    }
    let ends_ms = match claims.et {
        0 => return Ok(()),
        lasts_s if lasts_s < FIRST_TIME_S => claims.ts.saturating_add(lasts_s.saturating_mul(1_000)),
        at_s => at_s.saturating_mul(1_000),
    };
    match now_ms < ends_ms {
        true => Ok(()),
        false => Err(BadToken("the token's time, et, is over")),
    }
}

fn open(token: &str, secret: &Secret) -> Result<Claims, BadToken> {
    let key = <[u8; KEY_BYTES]>::try_from(secret.expose().as_bytes());
    let key = key.map_err(|_| BadToken("the developer's secret has to have 16 bytes"))?;
    let malformed = BadToken("the token is malformed");
    // One generator's library breaks lines.
    let token: String = token.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let encoded = token.strip_prefix(VERSION).filter(|encoded| encoded.len() <= MAX_BYTES);
    let mut bytes = STANDARD.decode(encoded.ok_or(malformed)?).map_err(|_| malformed)?;
    let cipher = cbc::Decryptor::<Aes128>::new(&key.into(), &IV.into());
    let text = cipher
        .decrypt_padded_mut::<NoPadding>(&mut bytes)
        .map_err(|_| malformed)?;
    serde_json::from_slice(text.trim_ascii_end())
        .map_err(|_| BadToken("the token was not made with the developer's secret"))
}

#[cfg(test)]
pub(super) fn make(text: &str, secret: &str) -> String {
    use cbc::cipher::BlockEncryptMut as _;
    let mut padded = text.as_bytes().to_vec();
    padded.resize(padded.len().next_multiple_of(16), b' ');
    let key: [u8; KEY_BYTES] = secret.as_bytes().try_into().unwrap();
    let cipher = cbc::Encryptor::<Aes128>::new(&key.into(), &IV.into());
    let bytes = cipher.encrypt_padded_vec_mut::<NoPadding>(&padded);
    format!("{VERSION}{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: u64 = 1_600_000_000_000;
    const KEY: &str = "1234567890123456";

    fn read(token: &str, id: &str, key: &str) -> Result<(), &'static str> {
        verify(token, id, &Secret::new(key), NOW_MS).map_err(|error| error.0)
    }

    /// Made by an independent implementation that agrees with the vendor's own vectors.
    const VECTORS: [(&str, &str, &str, &str); 2] = [
        (
            KEY,
            "testappid",
            r#"{"aid":"testappid","gid":"group1","uid":"user1","ts":1600000000000,"r":12345}"#,
            "0015GvNj+cbNVsRcgp+0OCN3nKtfLsm77tEVCEFS7ghGU3bcS89O4Zg0PFsUsLeBpgipfK/fIPs3QDWI25q4h9Rvrd5hRCMrG4isSUPea85sKk=",
        ),
        (
            "0123456789abcdef",
            "00112233445566778899aabbccddeeff",
            r#"{"aid":"00112233445566778899aabbccddeeff","gid":"null","uid":"null","ts":1600000000000,"r":12345}"#,
            "001KsP9rpZkb6bxpGBsYKg3kXkkbjEJJLCjB94ACtCY2cbG9a27LqsiZBTkSAIFqGBGCh+uIEK3pkWx/UAyF0vSYVUw8wJbgmgSupsS3NjN5UvIHvPR1RpFmnCW8R9I37jk8lt3ek1d2ANEoe4gv9uxoQ==",
        ),
    ];

    #[test]
    fn the_vendors_tokens_are_read() {
        for (key, id, text, token) in VECTORS {
            assert_eq!(read(token, id, key), Ok(()));
            assert_eq!(make(text, key), token);
            let broken: String = token.chars().flat_map(|c| [c, '\n']).collect();
            assert_eq!(read(&broken, id, key), Ok(()), "line feeds of a Base64 library");
        }
    }

    #[test]
    fn no_other_is() {
        let (key, id, _, token) = VECTORS[0];
        for (token, id, key) in [
            ("", id, key),
            ("001", id, key),
            (&token[3..], id, key),
            (&token.replacen("001", "002", 1), id, key),
            (&token[..token.len() - 4], id, key),
            (token, "another", key),
            (token, id, "6543210987654321"),
            (token, id, "too short"),
            (&make(r#"{"gid":"","ts":1}"#, KEY), id, key),
        ] {
            assert!(read(token, id, key).is_err(), "{token}");
        }
    }

    #[test]
    fn a_token_ends_when_it_says() {
        let made_s = NOW_MS / 1_000 - 100;
        for (et, is_good) in [
            (0, true),
            (101, true),
            (100, false),
            (made_s + 101, true),
            (made_s + 100, false),
        ] {
            let text = format!(
                r#"{{"aid":"d","gid":"","uid":"","et":{et},"ts":{},"r":1}}"#,
                made_s * 1_000
            );
            assert_eq!(read(&make(&text, KEY), "d", KEY).is_ok(), is_good, "{et}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_answered(token in "001[A-Za-z0-9+/]{0,64}={0,2}", bytes in "\\PC*") {
            let _ = read(&token, "d", KEY);
            let _ = read(&bytes, "d", KEY);
            let _ = read(&make(&bytes, KEY), "d", KEY);
        }
    }
}
