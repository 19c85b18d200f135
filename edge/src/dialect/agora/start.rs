use protocol::{FileFormat, Mix, Mode, Outputs, Snapshots, Storage};

use super::recording_config::RecordingConfig;
use super::storage_config::Terms;
use super::{extension_config, file_config, snapshot_config, storage_config};
use crate::input::{FieldError, Fields};

/// What the body of `start` asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start<'a> {
    /// The channel token; empty without one.
    pub(super) token: &'a str,
    pub(super) recording: RecordingConfig,
    /// What mode mix makes.
    pub(super) mix: Option<Mix>,
    pub(super) snapshots: Option<Snapshots>,
    /// What is written.
    pub(super) outputs: Outputs,
    /// Whether it says that it wants playlists that lead to others, or that it does not.
    pub(super) multivariant: Option<bool>,
    pub(super) storage: Storage,
}

impl<'a> Start<'a> {
    /// How long the channel may be empty before the recording ends.
    pub(super) fn max_idle_ms(&self) -> u64 {
        self.recording.max_idle_s.saturating_mul(1000)
    }

    pub(super) fn read(body: &Fields<'a>, mode: Mode, terms: Terms) -> Result<Self, FieldError> {
        let flavour = terms.flavour;
        let request = body.require("clientRequest", body.object("clientRequest")?)?;
        let token = request.string("token")?.unwrap_or_default();
        let recording = request.object("recordingConfig")?;
        let mut recording = RecordingConfig::read(
            &request.require("recordingConfig", recording)?,
            mode,
            flavour,
            terms.targets,
        )?;
        let to_bucket = request.get("extensionServiceConfig").is_none();
        let outputs = file_config::read(&request, recording.subscription.types, to_bucket)?;
        let mp4 = outputs.files.contains(&FileFormat::Mp4);
        let snapshots = snapshot_config::read(&request, mode, &recording, flavour)?;
        let service = extension_config::read(&request, mode, terms)?;
        refuse_transcoding_afterwards(&request)?;
        let storage = match service {
            Some(service) => service,
            None => {
                let storage = request.object("storageConfig")?;
                storage_config::read(&request.require("storageConfig", storage)?, terms)?
            }
        };
        let mix = recording
            .picture
            .take()
            .map(|(output, scene)| Mix { output, scene, mp4 });
        Ok(Self {
            token,
            recording,
            mix,
            snapshots,
            outputs,
            multivariant: file_config::multivariant(&request)?,
            storage,
        })
    }
}

fn refuse_transcoding_afterwards(request: &Fields<'_>) -> Result<(), FieldError> {
    if request.get("transcodeOptions").is_some() {
        return Err(request.error("transcodeOptions", "is not offered by this server"));
    }
    let Some(apps) = request.object("appsCollection")? else {
        return Ok(());
    };
    match apps.string("combinationPolicy")? {
        None | Some("default") => Ok(()),
        Some(_) => Err(apps.error("combinationPolicy", "must be \"default\": this server offers no other")),
    }
}
