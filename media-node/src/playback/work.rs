//! The work itself, in the process that does it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{Fault, Playback, PlaybackState, Refusal, RefusalCode, Secret, Storage};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Stand};
use super::publish::{Pace, publish};
use crate::clock::unix_ms;
use crate::errand;
use crate::media::{Demuxer, duration_us};
use crate::outbound::{Client, Targets};
use crate::upload::{Bucket, fetch};

/// What the process is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    pub playback: Playback,
    /// Where it publishes to.
    pub url: Secret,
}

/// Plays, with `dir` for the file; the directory is made. `tell` is told how far it has come; the answer is its end, which comes
/// soon once `stop` is cancelled.
pub async fn run(
    question: &Question,
    dir: &Path,
    targets: Targets,
    stop: &CancellationToken,
    tell: impl Fn(&PlaybackState),
) -> PlaybackState {
    let played = tokio::select! {
        fetched = fetched(&question.playback, dir, targets) => fetched,
        () = stop.cancelled() => return PlaybackState::Over,
    };
    let played = match played {
        Ok((file, duration)) => play(question, file, duration, stop, tell).await,
        Err(refusal) => Err(refusal),
    };
    match played {
        Ok(()) => PlaybackState::Over,
        Err(refusal) => PlaybackState::Failed(refusal),
    }
}

/// The file, and how long it lasts.
async fn fetched(playback: &Playback, dir: &Path, targets: Targets) -> Result<(PathBuf, Duration), Refusal> {
    std::fs::create_dir_all(dir).map_err(ours)?;
    let client = Client::without_redirects(targets).map_err(ours)?;
    // The file is named by its whole key.
    let whole = Storage {
        prefix: String::new(),
        ..playback.from.clone()
    };
    let bucket = Bucket::new(&whole, &client).map_err(|reason| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason,
    })?;
    let file = dir.join("file");
    fetch(&bucket, &playback.key, &file, playback.bytes).await?;
    let read = file.clone();
    // Reading files of this size blocks.
    let measured = tokio::task::spawn_blocking(move || {
        Demuxer::open(&read)?;
        duration_us(&read)
    });
    let us = measured.await.map_err(ours)?.map_err(|error| unfit(&error))?;
    Ok((file, Duration::from_micros(us.max(0).unsigned_abs())))
}

async fn play(
    question: &Question,
    file: PathBuf,
    duration: Duration,
    stop: &CancellationToken,
    tell: impl Fn(&PlaybackState),
) -> Result<(), Refusal> {
    let playback = &question.playback;
    let starts_ms = playback.starts_ms.unwrap_or_else(unix_ms);
    let course = Course {
        starts_ms,
        ends_ms: playback.ends_ms,
        is_looped: playback.is_looped,
        duration,
    };
    let pace = loop {
        match course.at(unix_ms()) {
            Stand::Over => return Ok(()),
            Stand::Plays { played, lasts } => {
                break Pace {
                    played,
                    lasts,
                    is_looped: course.is_looped,
                };
            }
            Stand::Waits(left) => tokio::select! {
                () = sleep(left) => {}
                () = stop.cancelled() => return Ok(()),
            },
        }
    };
    tell(&PlaybackState::Plays { starts_ms });
    let (url, stop) = (question.url.clone(), stop.clone());
    let published = tokio::task::spawn_blocking(move || {
        publish(&file, url.expose(), pace, |_, unit| Ok(unit.data.to_vec()), &stop)
    });
    published.await.map_err(ours)?.map_err(ours)
}

fn unfit(error: &dyn std::fmt::Display) -> Refusal {
    errand::bad_job(format!("the file cannot be played: {error}"))
}

fn ours(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(error.to_string())
}
