use protocol::StreamTypes;

use super::mode::Mode;
use super::recording_config::RecordingConfig;
use crate::access::Flavour;
use crate::input::{FieldError, Fields};

/// Checks `snapshotConfig` and what it needs of the other settings, then says that it is not offered.
pub(super) fn check(
    request: &Fields<'_>,
    mode: Mode,
    recording: &RecordingConfig,
    flavour: Flavour,
) -> Result<(), FieldError> {
    let Some(snapshot) = request.object("snapshotConfig")? else {
        return Ok(());
    };
    if mode != Mode::Individual {
        return Err(request.error("snapshotConfig", "must not be set unless the mode is individual"));
    }
    if !flavour.snapshots_beside_files() && request.get("recordingFileConfig").is_some() {
        return Err(request.error("snapshotConfig", "must not be set together with recordingFileConfig"));
    }
    if recording.subscription.types == StreamTypes::Audio {
        return Err(request.error(
            "snapshotConfig",
            "needs video: recordingConfig.streamTypes must be 1 or 2",
        ));
    }
    if recording.subscription.video == protocol::Selection::None {
        let problem = "needs video: with subscribeAudioUids, recordingConfig must have subscribeVideoUids too";
        return Err(request.error("snapshotConfig", problem));
    }
    snapshot.integer("captureInterval", 5..=3600)?;
    let types = snapshot.require("fileType", snapshot.strings("fileType", 1)?)?;
    if types != ["jpg"] {
        return Err(snapshot.error("fileType", "must be [\"jpg\"]"));
    }
    Err(request.error("snapshotConfig", "is not offered by this server"))
}
