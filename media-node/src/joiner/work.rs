//! The work itself, in the process that does it.

use std::path::{Path, PathBuf};

use protocol::{Fault, Joined, JoinedFile, Joining, Refusal, RefusalCode, Storage};

use crate::container::file_md5;
use crate::media::{MediaError, Mp4Joiner, VideoEncoderChoice, convert, duration_us};
use crate::outbound::{Client, Targets};
use crate::upload::{Bucket, fetch, put};

const MEDIA_TYPE: &str = "video/mp4";

/// Joins, or where there is an `encoder` imports, with `dir` for what it takes on the disk; the directory is made.
pub async fn run(joining: &Joining, dir: &Path, targets: Targets, encoder: Option<&VideoEncoderChoice>) -> Joined {
    match work(joining, dir, targets, encoder).await {
        Ok(file) => Joined::Done(file),
        Err(refusal) => Joined::Failed(refusal),
    }
}

async fn work(
    joining: &Joining,
    dir: &Path,
    targets: Targets,
    encoder: Option<&VideoEncoderChoice>,
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
    let (part_path, path) = (dir.join("part.mp4"), dir.join("joined.mp4"));
    let mut joiner = None;
    let whole_path = dir.join("whole");
    for (number, part) in (1..).zip(&joining.parts) {
        let bucket = usize::try_from(part.store).ok().and_then(|store| buckets.get(store));
        let bucket = bucket.ok_or_else(|| Refusal::internal("a part is in no store"))?;
        fetch(bucket, &part.key, &part_path, part.bytes).await?;
        match encoder {
            Some(_) => add(&part_path, &whole_path).await?,
            None => joiner = Some(append(joiner, part_path.clone(), path.clone(), number).await?),
        }
    }
    let finished = path.clone();
    let file = match encoder.cloned() {
        Some(encoder) => {
            let made = part_path.clone();
            tokio::task::spawn_blocking(move || import(&whole_path, &made, &finished, &encoder)).await
        }
        None => tokio::task::spawn_blocking(move || finish(joiner, &finished)).await,
    };
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

/// Puts a part behind those before it. Reading and writing files of this size blocks.
async fn append(joiner: Option<Mp4Joiner>, part: PathBuf, to: PathBuf, number: usize) -> Result<Mp4Joiner, Refusal> {
    let appended = tokio::task::spawn_blocking(move || {
        let mut joiner = match joiner {
            Some(joiner) => joiner,
            None => Mp4Joiner::begin(&part, &to)?,
        };
        joiner.append(&part)?;
        Ok(joiner)
    });
    let unfit = |error: MediaError| Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: format!("file {number} cannot be joined to those before it: {error}"),
    };
    appended.await.map_err(ours)?.map_err(unfit)
}

/// Puts a piece behind those before it.
async fn add(piece: &Path, whole: &Path) -> Result<(), Refusal> {
    let (piece, whole) = (piece.to_owned(), whole.to_owned());
    let added = tokio::task::spawn_blocking(move || {
        let mut whole = std::fs::File::options().create(true).append(true).open(whole)?;
        std::io::copy(&mut std::fs::File::open(piece)?, &mut whole)
    });
    added.await.map_err(ours)?.map(drop).map_err(ours)
}

/// `made`: for what is made on the way.
fn import(whole: &Path, made: &Path, to: &Path, encoder: &VideoEncoderChoice) -> Result<JoinedFile, Refusal> {
    convert(whole, made, to, encoder).map_err(|error| Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: format!("the file is no media that can be recorded: {error}"),
    })?;
    measured(to)
}

fn finish(joiner: Option<Mp4Joiner>, path: &Path) -> Result<JoinedFile, Refusal> {
    let joiner = joiner.ok_or_else(|| Refusal::internal("there are no parts"))?;
    joiner.finish().map_err(ours)?;
    measured(path)
}

fn measured(path: &Path) -> Result<JoinedFile, Refusal> {
    let bytes = std::fs::metadata(path).map_err(ours)?.len();
    let us = u64::try_from(duration_us(path).map_err(ours)?).unwrap_or_default();
    Ok(JoinedFile {
        bytes,
        duration_ms: us / 1_000,
        md5: file_md5(path).map_err(ours)?,
    })
}

fn ours(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(error.to_string())
}
