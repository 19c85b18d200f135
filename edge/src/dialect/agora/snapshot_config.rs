use protocol::{Mode, Selection, Snapshots, StreamTypes};

use super::flavour::Flavour;
use super::recording_config::RecordingConfig;
use crate::input::{FieldError, Fields};

const DEFAULT_INTERVAL_S: u64 = 10;

/// `snapshotConfig`, with what it needs of the other settings. Without `recordingFileConfig` only pictures are made.
pub(super) fn read(
    request: &Fields<'_>,
    mode: Mode,
    recording: &RecordingConfig,
    flavour: Flavour,
) -> Result<Option<Snapshots>, FieldError> {
    let Some(snapshot) = request.object("snapshotConfig")? else {
        return Ok(None);
    };
    let error = |problem| Err(request.error("snapshotConfig", problem));
    if mode != Mode::Individual {
        return error("must not be set unless the mode is individual");
    }
    let alone = request.get("recordingFileConfig").is_none();
    if !alone && !flavour.snapshots_beside_files() {
        return error("must not be set together with recordingFileConfig");
    }
    if recording.subscription.types == StreamTypes::Audio {
        return error("needs video: recordingConfig.streamTypes must be 1 or 2");
    }
    if recording.subscription.video == Selection::None {
        return error("needs video: with subscribeAudioUids, recordingConfig must have subscribeVideoUids too");
    }
    let interval_s = snapshot
        .integer("captureInterval", 5..=3600)?
        .unwrap_or(DEFAULT_INTERVAL_S);
    let types = snapshot.require("fileType", snapshot.strings("fileType", 1)?)?;
    if types != ["jpg"] {
        return Err(snapshot.error("fileType", "must be [\"jpg\"]"));
    }
    let interval_ms = interval_s.saturating_mul(1000);
    Ok(Some(Snapshots { interval_ms, alone }))
}
