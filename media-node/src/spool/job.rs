use std::fs::File;
use std::io::Write;
use std::path::Path;

use protocol::{Backup, Decryption, Job, Mix, RecordingSpec, Scene, Secret, SecretUrl, Source, Storage};

use super::{SpoolError, sync_dir};

pub(super) const JOB: &str = "job.json";

/// Keeps a job in the spool of its recording, without its secrets. The file is whole or absent at every moment, and is not
/// written when it is there already: a recording goes on when the disk is full.
pub fn store_job(dir: &Path, job: &Job) -> Result<(), SpoolError> {
    std::fs::create_dir_all(dir).map_err(SpoolError::io("make", dir))?;
    let path = dir.join(JOB);
    let new = dir.join("job.json.new");
    let write = || {
        let text = serde_json::to_vec_pretty(&without_secrets(job))?;
        if std::fs::read(&path).is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    };
    write().map_err(SpoolError::io("write", &path))?;
    sync_dir(dir)
}

/// The job as it was kept; its secrets are empty.
pub fn load_job(dir: &Path) -> Result<Job, SpoolError> {
    let path = dir.join(JOB);
    let bytes = std::fs::read(&path).map_err(SpoolError::io("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|error| SpoolError::BadJob {
        path,
        reason: error.to_string(),
    })
}

fn without_secrets(job: &Job) -> Job {
    let source = match &job.spec.source {
        Source::Builtin { .. } => job.spec.source.clone(),
        Source::Mediamtx {
            api,
            rtsp,
            credentials: _,
            path,
        } => Source::Mediamtx {
            api: api.clone(),
            rtsp: rtsp.clone(),
            credentials: None,
            path: path.clone(),
        },
        Source::Static { streams } => Source::Static {
            streams: streams.keys().map(|uid| (uid.clone(), SecretUrl::default())).collect(),
        },
    };
    let keyless = |storage: &Storage| Storage {
        secret_key: Secret::default(),
        session_token: None,
        ..storage.clone()
    };
    // An address can hold a password or be signed.
    let imageless = |scene: &Scene| Scene {
        background_image: None,
        user_image: None,
        user_images: Vec::new(),
        ..scene.clone()
    };
    let spec = RecordingSpec {
        mix: job.spec.mix.as_ref().map(|mix| Mix {
            scene: imageless(&mix.scene),
            ..mix.clone()
        }),
        source,
        decryption: job.spec.decryption.as_ref().map(|decryption| Decryption {
            secret: Secret::default(),
            ..decryption.clone()
        }),
        storage: keyless(&job.spec.storage),
        backup: job.spec.backup.as_ref().map(|backup| Backup {
            storage: keyless(&backup.storage),
            ..backup.clone()
        }),
        ..job.spec.clone()
    };
    Job { spec, ..job.clone() }
}
