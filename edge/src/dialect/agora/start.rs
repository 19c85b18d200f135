use protocol::Storage;

use super::recording_config::RecordingConfig;
use super::storage_config;
use crate::input::{FieldError, Fields};

/// What the body of `start` asks for in individual mode.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) recording: RecordingConfig,
    pub(super) storage: Storage,
}

impl Start {
    pub(super) fn read(body: &Fields<'_>) -> Result<Self, FieldError> {
        let request = body.require("clientRequest", body.object("clientRequest")?)?;
        request.string("token")?;
        refuse_what_is_not_offered(&request)?;
        let recording = request.object("recordingConfig")?;
        let recording = RecordingConfig::read(&request.require("recordingConfig", recording)?)?;
        check_files(&request)?;
        let storage = request.object("storageConfig")?;
        let storage = storage_config::read(&request.require("storageConfig", storage)?)?;
        Ok(Self { recording, storage })
    }
}

fn refuse_what_is_not_offered(request: &Fields<'_>) -> Result<(), FieldError> {
    for name in ["snapshotConfig", "extensionServiceConfig", "transcodeOptions"] {
        if request.get(name).is_some() {
            return Err(request.error(name, "is not offered by this server"));
        }
    }
    let Some(apps) = request.object("appsCollection")? else {
        return Ok(());
    };
    match apps.string("combinationPolicy")? {
        None | Some("default") => Ok(()),
        Some(_) => Err(apps.error("combinationPolicy", "must be \"default\": this server offers no other")),
    }
}

fn check_files(request: &Fields<'_>) -> Result<(), FieldError> {
    let Some(files) = request.object("recordingFileConfig")? else {
        return Ok(());
    };
    match files.strings("avFileType", 2)? {
        None => Ok(()),
        Some(types) if types == ["hls"] => Ok(()),
        Some(_) => Err(files.error("avFileType", "must be [\"hls\"] in individual mode")),
    }
}
