use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const APP: &str = "970CA35de60c44645bbae8a215061b33";
const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
const CHANNEL: &str = "7d72365eb983485397e3e3f9d460bdda";
const UID: &str = "2882341273";
/// When the vectors were issued, Unix seconds.
const ISSUED: u64 = 1_111_111;

/// The vectors that Agora publishes with its generators: token, whether it names the uid, when it dies, in Unix seconds.
const VECTORS: [(&str, bool, u64); 6] = [
    (
        "006970CA35de60c44645bbae8a215061b33IACV0fZUBw+72cVoL9eyGGh3Q6Poi8bgjwVLnyKSJyOXR7dIfRBXoFHlEAABAAAAR/QQAAEAAQCvKDdW",
        true,
        ISSUED,
    ),
    (
        "006970CA35de60c44645bbae8a215061b33IACw1o7htY6ISdNRtku3p9tjTPi0jCKf9t49UHJhzCmL6bdIfRAAAAAAEAABAAAAR/QQAAEAAQCvKDdW",
        false,
        ISSUED,
    ),
    (
        "007eJxTYBBbsMMnKq7p9Hf/HcIX5kce9b518kCiQgSr5Zrp4X1Tu6UUGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiVwMRhYWRsYmhkbmxgDCaiTj",
        true,
        ISSUED + 600,
    ),
    (
        "007eJxTYLhzZP08Lxa1Pg57+TcXb/3cZ3wi4V6kbpbOog0G2dOYk20UGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiQwMADacImo=",
        false,
        ISSUED + 600,
    ),
    (
        "007eJxTYHh8IPKzTvBdf9ce8bk7G61vs06oca1e815/ot4+x7rfjDIKDJbmBs6OxqYpqWYGySYmZiamSUmJqRaJRoamBmaGScbG7l8EGCKYGBgYGRgYWIEkCxCD+ExgkhlMsoBJBQbzFHMjYzPT1CRLC2MTC1NjS/NU41TjNMsUEzODpJSURC4GIwsLI2MTQyNzYyagORCTkEVZ4KKsWOXZgWIQm1HF//8HAL01L5I=",
        true,
        ISSUED + 600,
    ),
    (
        "007eJxSYBBbsMMnKq7p9Hf/HcIX5kce9b518kCiQgSr5Zrp4X1Tu6UUGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiVwMRhYWRsYmhkbmxoAAAAD//8JqJOM=",
        true,
        ISSUED + 600,
    ),
];

fn at(token: &str, entry: &Entry<'_>, now_s: u64) -> Result<u64, TokenError> {
    verify_token(token, &Secret::new(CERTIFICATE), entry, now_s * 1000)
}

fn check(token: &str, channel: &str, uid: &str) -> Result<u64, TokenError> {
    at(
        token,
        &Entry {
            app_id: APP,
            channel,
            uid: Some(uid),
        },
        ISSUED - 1,
    )
}

#[test]
fn the_published_vectors_admit_until_they_die() {
    for (token, names_uid, dies_s) in VECTORS {
        let entry = Entry {
            app_id: APP,
            channel: CHANNEL,
            uid: Some(UID),
        };
        assert_eq!(at(token, &entry, dies_s - 1), Ok(dies_s * 1000), "{token}");
        let expired = Err(TokenError::Expired { dies_ms: dies_s * 1000 });
        assert_eq!(at(token, &entry, dies_s), expired, "{token}");
        let another = if names_uid {
            Err(TokenError::ForeignUid)
        } else {
            Ok(dies_s * 1000)
        };
        assert_eq!(check(token, CHANNEL, "7"), another, "{token}");
        assert_eq!(check(token, "other", UID), Err(TokenError::ForeignChannel), "{token}");
        let foreign_app = Entry {
            app_id: "870CA35de60c44645bbae8a215061b33",
            ..entry
        };
        assert_eq!(at(token, &foreign_app, 1), Err(TokenError::ForeignApp), "{token}");
        let certificate = Secret::new(CERTIFICATE.to_lowercase());
        assert_eq!(
            verify_token(token, &certificate, &entry, 1),
            Err(TokenError::BadSignature),
            "{token}"
        );
    }
}

#[test]
fn every_change_of_one_byte_is_refused() {
    for (token, ..) in VECTORS {
        for position in 0..token.len() {
            for byte in 0..128 {
                let mut changed = token.as_bytes().to_vec();
                if changed[position] == byte {
                    continue;
                }
                changed[position] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert!(check(&changed, CHANNEL, UID).is_err(), "{position}: {byte}: {token}");
            }
        }
        for len in 0..token.len() {
            assert!(check(&token[..len], CHANNEL, UID).is_err(), "{len}: {token}");
        }
        for tail in ["=", "A", "AAAA", "====", " ", "\n"] {
            assert!(
                check(&format!("{token}{tail}"), CHANNEL, UID).is_err(),
                "{tail:?}: {token}"
            );
        }
    }
}

#[test]
fn what_is_no_token_is_refused() {
    assert_eq!(check("", CHANNEL, UID), Err(TokenError::Missing));
    let long = format!("007{}", "A".repeat(MAX_TOKEN_LEN));
    // Sixty-four KiB of zeros in a few hundred bytes.
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&[0; 65536], 9);
    let bomb = format!("007{}", STANDARD.encode(bomb));
    for text in [
        "007",
        "006",
        "006…!",
        "007invalid",
        "007aW52YWxpZA==",
        "008eJw=",
        "0",
        "é",
        "006970CA35de60c44645bbae8a215061b33",
        "006970CA35de60c44645bbae8a215061b3é",
        "token",
        &long,
        &bomb,
    ] {
        assert_eq!(check(text, CHANNEL, UID), Err(TokenError::Malformed), "{text}");
    }
}

/// A token of version 007 with these services, issued at `ISSUED` for 600 seconds.
fn v007(services: &[Vec<u8>]) -> String {
    use hmac::{Hmac, Mac as _};
    let hmac = |key: &[u8], data: &[u8]| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(data);
        mac.finalize().into_bytes().to_vec()
    };
    let (issued, salt) = ((ISSUED as u32).to_le_bytes(), 1u32.to_le_bytes());
    let count = (services.len() as u16).to_le_bytes();
    let mut info = [
        packed(APP.as_bytes()),
        issued.to_vec(),
        600u32.to_le_bytes().to_vec(),
        salt.to_vec(),
    ]
    .concat();
    info.extend(count);
    info.extend(services.concat());
    let key = hmac(&salt, &hmac(&issued, CERTIFICATE.as_bytes()));
    let content = [packed(&hmac(&key, &info)), info].concat();
    format!(
        "007{}",
        STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&content, 6))
    )
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes(), bytes].concat()
}

fn service(kind: u16, privileges: &[(u16, u32)], tail: &[u8]) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), (privileges.len() as u16).to_le_bytes()].concat();
    for (privilege, life) in privileges {
        bytes.extend(privilege.to_le_bytes());
        bytes.extend(life.to_le_bytes());
    }
    bytes.extend(tail);
    bytes
}

fn rtc(channel: &str, uid: &str, privileges: &[(u16, u32)]) -> Vec<u8> {
    service(
        1,
        privileges,
        &[packed(channel.as_bytes()), packed(uid.as_bytes())].concat(),
    )
}

#[test]
fn names_and_wildcards_of_version_007() {
    let token = |channel, uid| v007(&[rtc(channel, uid, &[(1, 0)])]);
    let admitted = Ok((ISSUED + 600) * 1000);
    for (channel, uid) in [
        ("demo", "7"),
        ("*", "7"),
        ("", "7"),
        ("d*", "*"),
        ("*o", "0"),
        ("*e*", ""),
        ("d*m*o", "7*"),
        ("de**mo", "*7"),
    ] {
        assert_eq!(
            check(&token(channel, uid), "demo", "7"),
            admitted,
            "{channel:?} {uid:?}"
        );
    }
    assert_eq!(check(&token("1*a*2", ""), "1xay2", "7"), admitted);
    for channel in ["dem", "demo2", "Demo", "d*x", "*demoo*", "demo*demo", "d*em*mo"] {
        assert_eq!(
            check(&token(channel, ""), "demo", "7"),
            Err(TokenError::ForeignChannel),
            "{channel}"
        );
    }
    for uid in ["8", "77", "8*", "00", "7*7"] {
        assert_eq!(
            check(&token("", uid), "demo", "7"),
            Err(TokenError::ForeignUid),
            "{uid}"
        );
    }
}

#[test]
fn the_longest_fitting_service_counts() {
    let mine = |privileges: &[(u16, u32)]| rtc("demo", "7", privileges);
    let others = rtc("other", "7", &[(1, 0)]);
    let table = [
        (vec![mine(&[(1, 0)])], Ok(600)),
        (vec![mine(&[(1, 60)])], Ok(60)),
        (vec![mine(&[(1, 900)])], Ok(600)),
        (vec![mine(&[(2, 0), (3, 0)])], Err(TokenError::NoJoin)),
        (vec![], Err(TokenError::NoJoin)),
        (vec![others.clone()], Err(TokenError::ForeignChannel)),
        (vec![others.clone(), mine(&[(1, 60)]), mine(&[(1, 90)]), others], Ok(90)),
        (vec![mine(&[(1, 0)]), service(99, &[], b"what nobody knows")], Ok(600)),
        (vec![service(2, &[(1, 0)], &packed(b"user"))], Err(TokenError::NoJoin)),
        (
            vec![
                service(2, &[(1, 0)], &packed(b"user")),
                service(3, &[], &[packed(b"c"), packed(b"a")].concat()),
                service(4, &[(1, 0)], b""),
                service(5, &[(1, 0)], &packed(b"user")),
                service(6, &[], &[packed(b"c"), packed(b"a")].concat()),
                service(7, &[], &[packed(b"room"), packed(b"user"), vec![1, 0]].concat()),
                mine(&[(1, 30)]),
            ],
            Ok(30),
        ),
        (
            vec![rtc("demo", "7", &[(1, 0)])[..9].to_vec()],
            Err(TokenError::Malformed),
        ),
    ];
    for (services, expected) in table {
        let expected = expected.map(|life| (ISSUED + life) * 1000);
        assert_eq!(check(&v007(&services), "demo", "7"), expected, "{services:?}");
    }
}

#[test]
fn padding_that_deflate_ignores_is_refused() {
    let token = v007(&[rtc("demo", "7", &[(1, 0)])]);
    let bytes = STANDARD.decode(&token[3..]).unwrap();
    let last = bytes.len() - 5;
    for bit in 0..8 {
        let mut changed = bytes.clone();
        changed[last] ^= 1 << bit;
        let changed = format!("007{}", STANDARD.encode(changed));
        assert!(check(&changed, "demo", "7").is_err(), "bit {bit}");
    }
}

fn app(certificate: Option<&str>) -> App {
    App {
        certificate: certificate.map(Secret::new),
        ..App::new(APP, "", "", 0)
    }
}

/// What a token allows, in seconds from its issue on: to join, to publish audio, to publish video.
fn allowed(token: &str, now_s: u64) -> Result<[Option<u64>; 3], TokenError> {
    let entry = Entry {
        app_id: APP,
        channel: "demo",
        uid: Some("7"),
    };
    let allowed = privileges(token, &app(Some(CERTIFICATE)), &entry, None, now_s * 1_000)?;
    let left = |until_ms: Option<u64>| until_ms.map(|until_ms| until_ms / 1_000 - ISSUED);
    Ok([
        left(allowed.join),
        left(allowed.publish_audio),
        left(allowed.publish_video),
    ])
}

#[test]
fn version_007_allows_to_publish_by_privileges_of_their_own_that_end_with_the_one_to_join() {
    let mine = |privileges: &[(u16, u32)]| v007(&[rtc("demo", "7", privileges)]);
    for (privileges, expected) in [
        (&[(1, 0)][..], [Some(600), None, None]),
        (&[(1, 0), (2, 0), (3, 0), (4, 0)], [Some(600), Some(600), Some(600)]),
        (&[(1, 0), (2, 60)], [Some(600), Some(60), None]),
        (&[(1, 30), (3, 0)], [Some(30), None, Some(30)]),
        (&[(1, 30), (2, 900), (3, 900)], [Some(30), Some(30), Some(30)]),
    ] {
        assert_eq!(allowed(&mine(privileges), ISSUED), Ok(expected), "{privileges:?}");
    }
    assert_eq!(allowed(&mine(&[(2, 0), (3, 0)]), ISSUED), Err(TokenError::NoJoin));
    let two = v007(&[
        rtc("demo", "7", &[(1, 60), (2, 50)]),
        rtc("demo", "7", &[(1, 20), (3, 0)]),
    ]);
    assert_eq!(allowed(&two, ISSUED), Ok([Some(60), Some(50), Some(20)]));
}

#[test]
fn what_has_ended_is_not_allowed_and_a_token_of_which_all_has_ended_is_refused() {
    let token = v007(&[rtc("demo", "7", &[(1, 0), (2, 60)])]);
    assert_eq!(allowed(&token, ISSUED + 59), Ok([Some(600), Some(60), None]));
    assert_eq!(allowed(&token, ISSUED + 60), Ok([Some(600), None, None]));
    let dies_ms = (ISSUED + 600) * 1_000;
    assert_eq!(allowed(&token, ISSUED + 600), Err(TokenError::Expired { dies_ms }));
}

/// A token of version 006 that ends as a whole 600 seconds after its issue.
fn v006(privileges: &[(u16, u32)]) -> String {
    use hmac::{Hmac, Mac as _};
    let ends = (ISSUED as u32 + 600).to_le_bytes();
    let mut message = [1u32.to_le_bytes(), ends].concat();
    message.extend((privileges.len() as u16).to_le_bytes());
    for (privilege, ends) in privileges {
        message.extend(privilege.to_le_bytes());
        message.extend(ends.to_le_bytes());
    }
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(CERTIFICATE.as_bytes()).unwrap();
    for part in [APP.as_bytes(), b"demo", b"7", &message] {
        mac.update(part);
    }
    let mut content = packed(&mac.finalize().into_bytes());
    content.extend(crc32fast::hash(b"demo").to_le_bytes());
    content.extend(crc32fast::hash(b"7").to_le_bytes());
    content.extend(packed(&message));
    format!("006{APP}{}", STANDARD.encode(content))
}

#[test]
fn version_006_allows_to_publish_by_privileges_of_their_own() {
    let at = |seconds: u32| ISSUED as u32 + seconds;
    for (privileges, expected) in [
        (&[(1, 0)][..], [Some(600), None, None]),
        (&[(1, at(60)), (2, at(90)), (3, at(30))], [Some(60), Some(60), Some(30)]),
        (&[(1, at(900)), (2, 0), (3, 0)], [Some(600), Some(600), Some(600)]),
    ] {
        assert_eq!(allowed(&v006(privileges), ISSUED), Ok(expected), "{privileges:?}");
    }
    assert_eq!(allowed(&v006(&[(2, 0), (3, 0)]), ISSUED), Err(TokenError::NoJoin));
}

#[test]
fn without_a_certificate_only_json_web_tokens_are_looked_at() {
    let token = v007(&[rtc("demo", "7", &[(1, 0)])]);
    let entry = Entry {
        app_id: APP,
        channel: "demo",
        uid: Some("7"),
    };
    let shown = |token: &str, certificate| privileges(token, &app(certificate), &entry, None, ISSUED * 1_000);
    assert_eq!(shown(&token, None), Err(TokenError::NotJwt));
    assert!(shown(&token, Some(CERTIFICATE)).is_ok());
    assert!(matches!(shown("a.b.c", None), Err(TokenError::Jwt(_))));
    let long = format!("{}.b.c", "a".repeat(MAX_TOKEN_LEN));
    assert_eq!(shown(&long, Some(CERTIFICATE)), Err(TokenError::Malformed));
}

#[test]
fn whoever_is_in_the_channel_may_play_the_streams_of_others_and_publish_none_of_them() {
    let of = |token: &str, uid, own_uid| {
        let entry = Entry {
            app_id: APP,
            channel: "demo",
            uid: Some(uid),
        };
        let allowed = privileges(token, &app(Some(CERTIFICATE)), &entry, own_uid, ISSUED * 1_000)?;
        Ok((
            allowed.join.is_some(),
            allowed.publish_audio.is_some() || allowed.publish_video.is_some(),
        ))
    };
    let foreign = Err(TokenError::ForeignUid);
    let (old, new) = (
        v006(&[(1, 0), (2, 0), (3, 0)]),
        v007(&[rtc("demo", "7", &[(1, 0), (2, 0), (3, 0)])]),
    );
    assert_eq!(of(&new, "7", None), Ok((true, true)));
    for own_uid in [None, Some("7"), Some("8"), Some("anybody")] {
        assert_eq!(of(&new, "8", own_uid), Ok((true, false)), "{own_uid:?}");
    }
    assert_eq!(of(&old, "7", None), Ok((true, true)));
    assert_eq!(of(&old, "8", Some("7")), Ok((true, false)));
    assert_eq!(of(&old, "7", Some("8")), Ok((true, true)), "the stream is its own");
    for own_uid in [None, Some("8"), Some("anybody"), Some("")] {
        assert_eq!(
            of(&old, "8", own_uid),
            foreign,
            "{own_uid:?}: version 006 does not say whom it is for"
        );
    }
}
