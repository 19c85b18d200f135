//! Tokens made by Agora's own generators, which `scripts/setup` installs from npm, are accepted; changed ones are not.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Secret;
use serde_json::Value;
use tapedeck_edge::access::{Entry, TokenError, verify_token};

const BASE64: &[u8; 65] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
/// What the generator gives each token.
const LIFE_MS: u64 = 600_000;

fn generate() -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vendor_tokens.cjs");
    let output = Command::new("node")
        .arg(script)
        .output()
        .expect("node runs; scripts/setup installs it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "scripts/setup installs the generators: {errors}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_vendors_tokens_are_accepted_and_no_changed_one() {
    let generated = generate();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (app_id, channel) = (text(&generated["app_id"]), text(&generated["channel"]));
    let certificate = Secret::new(text(&generated["certificate"]));
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;

    let tokens = generated["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 22);
    for token in tokens {
        let (label, uid, token) = (text(&token["label"]), text(&token["uid"]), text(&token["token"]));
        let entry = Entry {
            app_id: &app_id,
            channel: &channel,
            uid: &uid,
        };
        let verify = |token: &str, entry: &Entry<'_>| verify_token(token, &certificate, entry, now_ms);

        let dies_ms = verify(&token, &entry).unwrap_or_else(|error| panic!("{label}: {error}: {token}"));
        assert!((now_ms..=now_ms + LIFE_MS).contains(&dies_ms), "{label}: {dies_ms}");
        let late = verify_token(&token, &certificate, &entry, dies_ms);
        assert_eq!(late, Err(TokenError::Expired { dies_ms }), "{label}");
        let foreign = verify(
            &token,
            &Entry {
                channel: "lesson 8",
                ..entry
            },
        );
        assert_eq!(foreign, Err(TokenError::ForeignChannel), "{label}");
        let other_uid = verify(&token, &Entry { uid: "43", ..entry });
        assert_eq!(other_uid.is_ok(), label.ends_with("any uid"), "{label}");

        for position in 0..token.len() {
            let old = token.as_bytes()[position];
            let digit = BASE64.iter().position(|byte| *byte == old).unwrap_or(64);
            // Each of the character's six bits; in the longest token every other character.
            let exhaustive = label == "007 five services";
            let changes = (0..BASE64.len()).filter(|other| exhaustive || (digit ^ other).is_power_of_two());
            for byte in changes.map(|other| &BASE64[other]).filter(|byte| **byte != old) {
                let mut changed = token.clone().into_bytes();
                changed[position] = *byte;
                let changed = String::from_utf8(changed).unwrap();
                assert!(
                    verify(&changed, &entry).is_err(),
                    "{label}, position {position}: {changed} for {token}"
                );
            }
        }
    }
}
