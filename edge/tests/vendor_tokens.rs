//! Tokens made by Agora's own generators, which `scripts/setup` installs from npm and from PyPI, are accepted; no changed one
//! is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::{EntryAnswer, EntryQuestion, Secret};
use serde_json::Value;
use tapedeck_edge::access::{App, ChannelAccess, Channels, Entry, TokenError, enter, verify_token};

/// What the generators give each token.
const LIFE_MS: u64 = 600_000;
/// A token is a JSON string of the customer's: its bytes can be any of ASCII's. Others cannot stand alone.
const BYTES: u8 = 128;

/// What one generator made.
struct Generated {
    app_id: String,
    channel: String,
    certificate: Secret,
    tokens: Vec<Token>,
    now_ms: u64,
}

struct Token {
    label: String,
    text: String,
    /// One that the token admits.
    uid: String,
}

impl Generated {
    fn by(program: impl AsRef<OsStr>, script: &str) -> Self {
        let output = Command::new(&program)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script))
            .output()
            .unwrap_or_else(|error| panic!("{:?}: {error}; scripts/setup installs it", program.as_ref()));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "scripts/setup installs the generators: {errors}"
        );
        let generated: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tokens = generated["tokens"].as_array().unwrap().iter();
        Self {
            app_id: text(&generated["app_id"]),
            channel: text(&generated["channel"]),
            certificate: Secret::new(text(&generated["certificate"])),
            tokens: tokens
                .map(|token| Token {
                    label: text(&token["label"]),
                    text: text(&token["token"]),
                    uid: text(&token["uid"]),
                })
                .collect(),
            now_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64,
        }
    }

    fn verify(&self, token: &str, channel: &str, uid: &str, now_ms: u64) -> Result<u64, TokenError> {
        let entry = Entry {
            app_id: &self.app_id,
            channel,
            uid: Some(uid),
        };
        verify_token(token, &self.certificate, &entry, now_ms)
    }

    /// Whether the token's user may play and publish in the channel: (play, audio, video).
    fn rights(&self, Token { text, uid, .. }: &Token) -> (bool, bool, bool) {
        let app = App {
            certificate: Some(self.certificate.clone()),
            channels: Channels {
                access: ChannelAccess::Token,
                secrets: Vec::new(),
            },
            ..App::new(&self.app_id, "", "", 0)
        };
        let question = EntryQuestion {
            node_id: String::new(),
            app_id: self.app_id.clone(),
            channel: self.channel.clone(),
            uid: uid.clone(),
            own_uid: None,
            token: Some(Secret::new(text)),
        };
        match enter(Some(&app), &question, self.now_ms) {
            EntryAnswer::Granted(rights) => (
                rights.play_ms > 0,
                rights.publish_audio_ms > 0,
                rights.publish_video_ms > 0,
            ),
            other => panic!("{other:?}"),
        }
    }

    fn check(&self, Token { label, text, uid }: &Token) {
        let (channel, now_ms) = (&self.channel, self.now_ms);
        let dies_ms = self
            .verify(text, channel, uid, now_ms)
            .unwrap_or_else(|error| panic!("{label}: {error}: {text}"));
        assert!((now_ms..=now_ms + LIFE_MS).contains(&dies_ms), "{label}: {dies_ms}");
        let late = self.verify(text, channel, uid, dies_ms);
        assert_eq!(late, Err(TokenError::Expired { dies_ms }), "{label}");
        let foreign = self.verify(text, "lesson 8", uid, now_ms);
        assert_eq!(foreign, Err(TokenError::ForeignChannel), "{label}");
        let other_uid = self.verify(text, channel, "43", now_ms);
        assert_eq!(other_uid.is_ok(), label.ends_with("any uid"), "{label}");

        for (position, changed) in changes(text) {
            let verified = self.verify(&changed, channel, uid, now_ms);
            assert!(verified.is_err(), "{label}, position {position}: {changed} for {text}");
        }
    }
}

/// Every text that differs from this one in a single byte: another in its place, one that is missing, one too many.
fn changes(text: &str) -> impl Iterator<Item = (usize, String)> {
    let splice = move |at: usize, removed: usize, byte: Option<u8>| {
        let mut changed = text.as_bytes().to_vec();
        changed.splice(at..at + removed, byte);
        (at, String::from_utf8(changed).unwrap())
    };
    let other = (0..text.len())
        .flat_map(|at| (0..BYTES).map(move |byte| (at, byte)))
        .filter(|(at, byte)| text.as_bytes()[*at] != *byte)
        .map(move |(at, byte)| splice(at, 1, Some(byte)));
    let missing = (0..text.len()).map(move |at| splice(at, 1, None));
    let more = (0..=text.len())
        .flat_map(|at| b"A0+/= ".map(|byte| (at, byte)))
        .map(move |(at, byte)| splice(at, 0, Some(byte)));
    other.chain(missing).chain(more)
}

/// Where `scripts/setup` puts what Python needs.
fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python3")
}

#[test]
fn the_vendors_tokens_are_accepted_and_no_changed_one() {
    let generated = [
        (Generated::by("node", "vendor_tokens.cjs"), 22),
        (Generated::by(python(), "vendor_tokens.py"), 9),
    ];
    let mut all = Vec::new();
    for (generated, count) in &generated {
        assert_eq!(generated.tokens.len(), *count);
        all.extend(generated.tokens.iter().map(move |token| (generated, token)));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for first in 0..threads {
            let all = &all;
            scope.spawn(move || {
                for (generated, token) in all.iter().skip(first).step_by(threads) {
                    generated.check(token);
                }
            });
        }
    });
}

#[test]
fn publishers_may_publish_and_subscribers_may_not() {
    let generated = Generated::by("node", "vendor_tokens.cjs");
    let of_role = |role: &str| {
        let tokens = generated.tokens.iter().filter(|token| token.label.contains(role));
        tokens.map(|token| generated.rights(token)).collect::<Vec<_>>()
    };
    assert_eq!(of_role("role 1"), [(true, true, true); 6]);
    assert_eq!(of_role("role 2"), [(true, false, false); 6]);
    assert_eq!(of_role("006 account"), [(true, true, true)]);
    assert_eq!(of_role("any uid"), [(true, false, false); 2]);
}
