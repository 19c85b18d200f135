//! The work itself, in the process that does it.

use std::path::{Path, PathBuf};

use protocol::{Fault, Joined, JoinedFile, Joining, Refusal, RefusalCode, Storage};

use super::Making;
use super::recode::{Part, RecodeError, recode};
use crate::container::file_md5;
use crate::errand;
use crate::media::{FileForm, MediaError, Mp4Joiner, VideoEncoderChoice, convert, duration_us};
use crate::mix::MixOptions;
use crate::outbound::{Client, Targets};
use crate::upload::{Bucket, fetch, put};

const MEDIA_TYPE: &str = "video/mp4";

/// Joins or imports, with `dir` for what it takes on the disk; the directory is made. `encoders`: for what has to be coded anew.
pub async fn run(joining: &Joining, making: Making, dir: &Path, targets: Targets, encoders: MixOptions) -> Joined {
    match work(joining, making, dir, targets, encoders).await {
        Ok(file) => Joined::Done(file),
        Err(refusal) => Joined::Failed(refusal),
    }
}

async fn work(
    joining: &Joining,
    making: Making,
    dir: &Path,
    targets: Targets,
    encoders: MixOptions,
) -> Result<JoinedFile, Refusal> {
    std::fs::create_dir_all(dir).map_err(ours)?;
    let client = Client::without_redirects(targets).map_err(ours)?;
    let buckets = joining.stores.iter().map(|store| {
        // The parts are named by their whole keys.
        let whole = Storage {
            prefix: String::new(),
            ..store.clone()
        };
        bucket(&whole, &client)
    });
    let buckets = buckets.collect::<Result<Vec<_>, _>>()?;
    let target = bucket(&joining.to, &client)?;
    let (mut files, whole) = (Vec::new(), dir.join("whole"));
    for (number, part) in (1..).zip(&joining.parts) {
        let bucket = usize::try_from(part.store).ok().and_then(|store| buckets.get(store));
        let bucket = bucket.ok_or_else(|| Refusal::internal("a part is in no store"))?;
        let path = dir.join(format!("{number}.part"));
        fetch(bucket, &part.key, &path, part.bytes).await?;
        match making {
            Making::Joined => files.push((path, part.bytes)),
            Making::Imported => add(&path, &whole).await?,
        }
    }
    let (path, to, dir) = (dir.join("joined.mp4"), dir.join("joined.mp4"), dir.to_owned());
    // Reading and writing files of this size blocks.
    let file = tokio::task::spawn_blocking(move || match making {
        Making::Joined => make(files, &to, &encoders),
        Making::Imported => import(&whole, &dir.join("made.mp4"), &to, &encoders.video_encoder),
    })
    .await;
    let file = file.map_err(ours)??;
    put(&target, &joining.name, MEDIA_TYPE, &path, file.bytes).await?;
    Ok(file)
}

fn bucket(storage: &Storage, client: &Client) -> Result<Bucket, Refusal> {
    Bucket::new(storage, client).map_err(|reason| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason,
    })
}

/// Makes one file of files with their bytes: as they are if they are coded alike, else they are coded anew.
pub(super) fn make(files: Vec<(PathBuf, u64)>, to: &Path, encoders: &MixOptions) -> Result<JoinedFile, Refusal> {
    let parts = (1..).zip(files).map(|(number, (path, bytes))| {
        let form =
            FileForm::read(&path).map_err(|error| errand::bad_job(format!("file {number} cannot be read: {error}")))?;
        Ok(Part { path, bytes, form })
    });
    let parts = parts.collect::<Result<Vec<_>, Refusal>>()?;
    let first = parts
        .first()
        .ok_or_else(|| errand::bad_job("there are no parts".to_owned()))?;
    if parts.iter().all(|part| part.form.fits(&first.form)) {
        append(&parts, to).map_err(ours)?;
    } else {
        tracing::info!(files = parts.len(), "they are not coded alike, and are coded anew");
        recode(&parts, to, encoders).map_err(|error| match error {
            RecodeError::Part { .. } | RecodeError::Empty => errand::bad_job(error.to_string()),
            RecodeError::Mix(_) | RecodeError::File(_) | RecodeError::Large(_) => ours(error),
        })?;
    }
    measured(to)
}

/// Puts a piece behind those before it, and removes its file.
async fn add(piece: &Path, whole: &Path) -> Result<(), Refusal> {
    let (piece, whole) = (piece.to_owned(), whole.to_owned());
    let added = tokio::task::spawn_blocking(move || {
        let mut whole = std::fs::File::options().create(true).append(true).open(whole)?;
        std::io::copy(&mut std::fs::File::open(&piece)?, &mut whole)?;
        std::fs::remove_file(piece)
    });
    added.await.map_err(ours)?.map_err(ours)
}

/// `made`: for what is made on the way.
fn import(whole: &Path, made: &Path, to: &Path, encoder: &VideoEncoderChoice) -> Result<JoinedFile, Refusal> {
    convert(whole, made, to, encoder)
        .map_err(|error| errand::bad_job(format!("the file is no media that can be recorded: {error}")))?;
    measured(to)
}

fn measured(to: &Path) -> Result<JoinedFile, Refusal> {
    let bytes = std::fs::metadata(to).map_err(ours)?.len();
    let us = u64::try_from(duration_us(to).map_err(ours)?).unwrap_or_default();
    Ok(JoinedFile {
        bytes,
        duration_ms: us / 1_000,
        md5: file_md5(to).map_err(ours)?,
    })
}

fn append(parts: &[Part], to: &Path) -> Result<(), MediaError> {
    let mut joiner = None;
    for part in parts {
        let joiner = match &mut joiner {
            Some(joiner) => joiner,
            empty => empty.insert(Mp4Joiner::begin(&part.path, to)?),
        };
        joiner.append(&part.path)?;
    }
    joiner.map_or(Ok(()), Mp4Joiner::finish)
}

fn ours(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(error.to_string())
}
