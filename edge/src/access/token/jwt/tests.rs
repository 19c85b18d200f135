use proptest::prelude::*;
use protocol::Secret;
use serde_json::json;

use super::*;

const APP: &str = "970CA35de60c44645bbae8a215061b33";
const NEW: &str = "a-secret-of-the-app-with-enough-bytes";
const OLD: &str = "the-secret-that-was-good-until-today.";
const NOW_S: u64 = 1_800_000_000;
const ENTRY: Entry<'static> = Entry {
    app_id: APP,
    channel: "lobby",
    uid: Some("42"),
};

fn secrets() -> Vec<ChannelSecret> {
    let secret = |id: &str, secret| ChannelSecret {
        id: id.to_owned(),
        secret: Secret::new(secret),
        created_ms: 0,
    };
    vec![secret("old", OLD), secret("new", NEW)]
}

fn sign(header: &str, claims: &str, secret: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signature = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims() -> Value {
    json!({"app": APP, "channel": "lobby", "uid": "42", "can": ["publish", "play"], "exp": NOW_S + 600})
}

/// What becomes of the usual claims after a change.
fn with(name: &str, value: Value) -> Result<Privileges, TokenError> {
    let mut claims = claims();
    claims[name] = value;
    read(&claims.to_string())
}

fn without(name: &str) -> Result<Privileges, TokenError> {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    read(&claims.to_string())
}

fn read(claims: &str) -> Result<Privileges, TokenError> {
    check(&sign(r#"{"alg":"HS256","typ":"JWT"}"#, claims, NEW))
}

fn check(token: &str) -> Result<Privileges, TokenError> {
    verify(token, &secrets(), &ENTRY, NOW_S * 1_000)
}

fn everything(until_s: u64) -> Privileges {
    let until = Some(until_s * 1_000 + LEEWAY_MS);
    Privileges {
        join: until,
        publish_audio: until,
        publish_video: until,
    }
}

#[test]
fn a_token_of_another_implementation_is_read() {
    // As PyJWT makes it: jwt.encode({"app": …, "channel": "lobby", "uid": "42", "can": ["play"], "exp": 1800000600}, NEW, "HS256").
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHAiOiI5NzBDQTM1ZGU2MGM0NDY0NWJiYWU4YTIxNTA2MWIzMyIsImNoYW5uZWwiOiJsb2JieSIsInVpZCI6IjQyIiwiY2FuIjpbInBsYXkiXSwiZXhwIjoxODAwMDAwNjAwfQ.5_XAMQSG1y4o_9yxLSp52ZYwvLx-k9e9U5Fsz0NaX1s";
    let expected = Privileges {
        join: Some(1_800_000_600_000 + LEEWAY_MS),
        ..Privileges::default()
    };
    assert_eq!(check(token), Ok(expected));
}

#[test]
fn each_secret_of_the_app_signs_and_no_other_one() {
    let header = r#"{"alg":"HS256"}"#;
    for secret in [OLD, NEW] {
        assert_eq!(
            check(&sign(header, &claims().to_string(), secret)),
            Ok(everything(NOW_S + 600))
        );
    }
    for secret in ["", "another secret", &NEW[1..], &format!("{NEW} ")] {
        let token = sign(header, &claims().to_string(), secret);
        assert_eq!(check(&token), Err(TokenError::BadSignature), "{secret:?}");
        assert!(matches!(verify(&token, &[], &ENTRY, 0), Err(TokenError::Jwt(_))));
    }
}

#[test]
fn no_other_algorithm_is_taken() {
    let claims = claims().to_string();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":[]}"#,
    ] {
        assert!(
            matches!(check(&sign(header, &claims, NEW)), Err(TokenError::Jwt(_))),
            "{header}"
        );
        let unsigned = sign(header, &claims, NEW);
        let unsigned = unsigned.rsplit_once('.').unwrap().0;
        assert!(check(&format!("{unsigned}.")).is_err(), "{header}");
    }
    for header in ["[]", "", "HS256", r#""HS256""#] {
        assert_eq!(check(&sign(header, &claims, NEW)), Err(MALFORMED), "{header}");
    }
}

#[test]
fn a_token_is_for_one_app_one_channel_and_one_uid_or_any() {
    assert_eq!(
        with("app", json!("870CA35de60c44645bbae8a215061b33")),
        Err(TokenError::ForeignApp)
    );
    assert_eq!(with("app", json!(APP.to_lowercase())), Err(TokenError::ForeignApp));
    for channel in ["Lobby", "lobby ", "lobb", "*", "", "lobby/../hall"] {
        assert_eq!(
            with("channel", json!(channel)),
            Err(TokenError::ForeignChannel),
            "{channel}"
        );
    }
    for uid in [json!("43"), json!(""), json!("**"), json!(43), json!("4*")] {
        assert_eq!(with("uid", uid.clone()), Err(TokenError::ForeignUid), "{uid}");
    }
    for uid in [json!("*"), json!("42"), json!(42)] {
        assert_eq!(with("uid", uid.clone()), Ok(everything(NOW_S + 600)), "{uid}");
    }
    for (name, wrong) in [
        ("app", vec![json!(7), json!(null), json!([APP])]),
        ("channel", vec![json!(7), json!(null), json!(["lobby"])]),
        (
            "uid",
            vec![json!(null), json!(-42), json!(4.5), json!(["42"]), json!(true)],
        ),
    ] {
        for value in wrong {
            assert!(
                matches!(with(name, value.clone()), Err(TokenError::Jwt(_))),
                "{name}: {value}"
            );
        }
        assert!(matches!(without(name), Err(TokenError::Jwt(_))), "no {name}");
    }
}

#[test]
fn it_allows_what_it_lists() {
    let all = everything(NOW_S + 600);
    let play = Privileges {
        join: all.join,
        ..Privileges::default()
    };
    let publish = Privileges { join: None, ..all };
    assert_eq!(with("can", json!(["play"])), Ok(play));
    assert_eq!(with("can", json!(["publish"])), Ok(publish));
    assert_eq!(with("can", json!(["play", "publish", "play"])), Ok(all));
    for can in [
        json!([]),
        json!("play"),
        json!(["Play"]),
        json!(["play", "fly"]),
        json!([7]),
        json!(null),
        json!({}),
    ] {
        assert!(matches!(with("can", can.clone()), Err(TokenError::Jwt(_))), "{can}");
    }
    assert!(matches!(without("can"), Err(TokenError::Jwt(_))));
}

#[test]
fn its_end_is_a_number_of_seconds() {
    for wrong in [
        json!("1900000000"),
        json!(-1),
        json!(null),
        json!([]),
        json!({}),
        json!(true),
        json!(-1e300),
    ] {
        assert!(matches!(with("exp", wrong.clone()), Err(TokenError::Jwt(_))), "{wrong}");
    }
    assert!(matches!(without("exp"), Err(TokenError::Jwt(_))));
    assert_eq!(
        with("exp", json!(1_800_000_000.5)).unwrap().join,
        Some(1_800_000_000_500 + LEEWAY_MS)
    );
    for far in [
        json!(u64::MAX),
        json!(1e300),
        json!(253_402_300_799u64),
        json!(i64::MAX),
    ] {
        assert_eq!(
            with("exp", far.clone()).unwrap().join,
            Some(LATEST_MS + LEEWAY_MS),
            "{far}"
        );
    }
    // No number of JSON is infinite.
    assert_eq!(read(r#"{"exp":1e999}"#), Err(MALFORMED));
    assert_eq!(
        with("exp", json!(0)).unwrap().join,
        Some(LEEWAY_MS),
        "whether it lasts is judged elsewhere"
    );
}

#[test]
fn its_beginning_is_heeded_with_some_leeway() {
    assert!(with("nbf", json!(NOW_S)).is_ok());
    assert!(with("nbf", json!(NOW_S + 60)).is_ok());
    assert_eq!(with("nbf", json!(NOW_S + 61)), Err(TokenError::NotYet));
    assert_eq!(with("nbf", json!(1e300)), Err(TokenError::NotYet));
    assert!(matches!(with("nbf", json!("soon")), Err(TokenError::Jwt(_))));
    assert!(
        with("iat", json!("whenever")).is_ok(),
        "what is not used is not looked at"
    );
}

#[test]
fn every_change_of_one_byte_is_refused() {
    let token = sign(r#"{"alg":"HS256","typ":"JWT"}"#, &claims().to_string(), NEW);
    assert!(check(&token).is_ok());
    for position in 0..token.len() {
        for byte in 0..128 {
            let mut changed = token.clone().into_bytes();
            if changed[position] != byte {
                changed[position] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert!(check(&changed).is_err(), "{position}: {byte}");
            }
        }
    }
    for len in 0..token.len() {
        assert!(check(&token[..len]).is_err(), "{len}");
    }
    for tail in ["=", "A", ".", ".A", " ", "\n"] {
        assert!(check(&format!("{token}{tail}")).is_err(), "{tail:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", claims in "\\PC{0,100}") {
        let _ = check(&text);
        let _ = check(&format!("{text}.{text}.{text}"));
        let _ = read(&claims);
    }
}
