//! Names, and what customers ask for.

use protocol::{
    Addressing, ChannelType, FileStyle, Mode, Outputs, RecorderKey, RecordingSpec, Secret, Selection, Source, Storage,
    StorageKind, StreamTypes, Subscription, VideoQuality,
};
use tapedeck_edge::recording::{Preference, Start, Target, Ticket};

pub(crate) fn id(number: usize) -> String {
    format!("node-{number}")
}

pub(crate) fn number(id: &str) -> usize {
    id.trim_start_matches("node-").parse().expect("a number")
}

pub(crate) fn recorder(key: &RecorderKey) -> usize {
    key.channel.trim_start_matches("channel").parse().expect("a number")
}

pub(crate) fn target(sid: String) -> Target {
    Target { sid, nonce: None }
}

pub(crate) fn start(number: u64, now_ms: u64) -> Start {
    Start {
        sid: format!("{number:032x}"),
        ticket: Ticket {
            nonce: format!("{number:024x}"),
            issued_ms: now_ms,
            expires_hours: 24,
            preference: Preference::default(),
        },
        spec: spec(),
        max_idle_ms: 60_000,
        token_expires_ms: None,
        house: None,
        waits_ms: None,
    }
}

fn spec() -> RecordingSpec {
    RecordingSpec {
        mode: Mode::Individual,
        mix: None,
        snapshots: None,
        decryption: None,
        channel_type: ChannelType::Live,
        source: Source::Builtin {
            rtsp: None,
            roster: None,
        },
        subscription: Subscription {
            quality: VideoQuality::High,
            version: 1,
            types: StreamTypes::Both,
            audio: Selection::All,
            video: Selection::All,
        },
        outputs: Outputs::default(),
        files: FileStyle::default(),
        storage: Storage {
            kind: StorageKind::S3,
            addressing: Addressing::Path,
            session_ends_ms: None,
            encryption: None,
            tags: None,
            endpoint: "https://s3.example.com".to_owned(),
            region: "us-east-1".to_owned(),
            bucket: "recordings".to_owned(),
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            prefix: "recordings/2026".to_owned(),
            video: Default::default(),
        },
        backup: None,
    }
}
