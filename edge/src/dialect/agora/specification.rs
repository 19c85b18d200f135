//! What is recorded and how, as a start and its app say together.

use protocol::{Backup, Mode, RecordingSpec, Storage, StorageKind};

use super::file_style;
use super::start::Start;
use crate::access::{App, backup_of};

pub(super) fn of(start: Start<'_>, mode: Mode, app: &App) -> RecordingSpec {
    let Start {
        recording,
        mix,
        snapshots,
        mut outputs,
        multivariant,
        storage,
        token: _,
    } = start;
    let is_bucket = storage.kind != StorageKind::AliyunVod;
    outputs.multivariant = multivariant.unwrap_or(app.recorder.multivariant_playlists && is_bucket);
    let strict_extinf = recording.correct_extinf.unwrap_or(app.recorder.strict_extinf);
    RecordingSpec {
        mode,
        mix,
        snapshots,
        decryption: recording.decryption,
        source: app.source.clone(),
        channel_type: recording.channel_type,
        subscription: recording.subscription,
        outputs,
        files: file_style::of(strict_extinf, app.recorder.vpx_container),
        backup: app.backup.as_ref().and_then(|backup| backup_for(backup, &storage)),
        storage,
    }
}

/// A video-on-demand service has none.
fn backup_for(backup: &Backup, storage: &Storage) -> Option<Backup> {
    (storage.kind != StorageKind::AliyunVod).then(|| backup_of(backup, storage))
}
