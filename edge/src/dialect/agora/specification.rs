//! What is recorded and how, as a start and its app say together.

use protocol::{Backup, Mode, RecordingSpec, Storage, StorageKind};

use super::file_style;
use super::start::Start;
use crate::access::App;

pub(super) fn of(start: Start<'_>, mode: Mode, app: &App) -> RecordingSpec {
    let Start {
        recording,
        mix,
        snapshots,
        outputs,
        storage,
        token: _,
    } = start;
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
        files: file_style::of(strict_extinf),
        backup: app.backup.as_ref().and_then(|backup| backup_for(backup, &storage)),
        storage,
    }
}

/// In the backup, objects stand below the same prefix as in the customer's store. A video-on-demand service has none.
fn backup_for(backup: &Backup, storage: &Storage) -> Option<Backup> {
    if storage.kind == StorageKind::AliyunVod {
        return None;
    }
    let parts = [&backup.storage.prefix, &storage.prefix];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).cloned().collect();
    Some(Backup {
        storage: Storage {
            prefix: parts.join("/"),
            ..backup.storage.clone()
        },
        ..backup.clone()
    })
}
