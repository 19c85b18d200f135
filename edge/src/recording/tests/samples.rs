//! What the tests have most of: names, a specification, slices, reports.

use protocol::{
    Addressing, ChannelType, ConfirmedSlice, EndCause, FileStyle, JobRequest, Mode, Outputs, Phase, RecordedFile,
    RecorderKey, RecordingSpec, Refusal, RefusalCode, Report, Secret, Selection, Source, Span, Storage, StorageKind,
    StreamTypes, Subscription, TrackKind,
};

use crate::recording::{Node, Preference, Start, Target, Ticket};

pub(super) const T0: u64 = 1_700_000_000_000;
pub(super) const MINUTE: u64 = 60_000;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const MAX_IDLE: u64 = 30_000;

pub(super) fn key() -> RecorderKey {
    RecorderKey {
        app_id: "app".into(),
        channel: "room".into(),
        uid: "1".into(),
    }
}

pub(super) fn node(id: &str) -> Node {
    Node {
        id: id.to_owned(),
        url: Some(format!("http://{id}")),
    }
}

pub(super) fn job_request(sid: &str, node_id: &str, epoch: u64) -> JobRequest {
    JobRequest {
        node_id: node_id.to_owned(),
        recorder: key(),
        sid: sid.to_owned(),
        epoch,
    }
}

pub(super) fn target(sid: &str, nonce: Option<&str>) -> Target {
    Target {
        sid: sid.to_owned(),
        nonce: nonce.map(str::to_owned),
    }
}

/// A resource ID that was acquired at T0 and lasts for an hour.
pub(super) fn ticket(nonce: &str) -> Ticket {
    Ticket {
        nonce: nonce.to_owned(),
        issued_ms: T0,
        expires_hours: 1,
        preference: Preference::default(),
    }
}

pub(super) fn spec() -> RecordingSpec {
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
            quality: protocol::VideoQuality::High,
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
            endpoint: "http://s3".into(),
            region: "us-east-1".into(),
            bucket: "b".into(),
            access_key: "ak".into(),
            secret_key: Secret::new("storage-secret"),
            session_token: None,
            prefix: String::new(),
            video: Default::default(),
        },
        backup: None,
    }
}

pub(super) fn start(sid: &str, ticket: Ticket) -> Start {
    Start {
        sid: sid.to_owned(),
        ticket,
        spec: spec(),
        max_idle_ms: MAX_IDLE,
        token_expires_ms: None,
        house: None,
        waits_ms: None,
    }
}

pub(super) fn file(name: &str, slices: u64, uploaded_slices: u64) -> RecordedFile {
    RecordedFile {
        kind: protocol::FileKind::Playlist,
        name: name.to_owned(),
        track: TrackKind::Video,
        uid: "7".into(),
        start_ms: T0,
        duration_ms: slices * 1_000,
        slices,
        bytes: slices * 10_000,
        uploaded_slices,
        md5: None,
    }
}

/// A confirmed slice of 1 s.
pub(super) fn slice(playlist: &str, epoch: u64, second: u64) -> ConfirmedSlice {
    ConfirmedSlice {
        playlist: playlist.to_owned(),
        uid: "7".into(),
        track: TrackKind::Video,
        epoch,
        name: format!("{playlist}_{epoch}_{second}.ts"),
        start_us: second.cast_signed() * 1_000_000,
        duration_us: 1_000_000,
        start_ms: T0 + second * 1_000,
        bytes: 10_000,
        discontinuity: false,
        tags: Vec::new(),
    }
}

/// A report tells slices.
pub(super) fn telling(from: u64, confirmed: Vec<ConfirmedSlice>) -> impl FnOnce(&mut Report) {
    move |report| {
        report.spool.from = from;
        report.spool.confirmed = confirmed;
    }
}

pub(super) fn span(playlist: &str, from_ms: u64) -> Span {
    Span {
        playlist: playlist.to_owned(),
        from_ms,
        open: true,
    }
}

pub(super) fn refusal(code: RefusalCode) -> Refusal {
    Refusal {
        fault: protocol::Fault::Ours,
        code,
        reason: format!("{code:?}"),
    }
}

pub(super) fn ended(cause: EndCause) -> impl FnOnce(&mut Report) {
    move |report| {
        report.phase = Phase::Ended;
        report.cause = Some(cause);
    }
}
