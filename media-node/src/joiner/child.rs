//! The process that joins, as seen by the one that has started it: it reads the question from its standard input, since there are
//! keys in it, and writes what came of it to its standard output.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use protocol::{Joined, Joining, Refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Config, Making};

/// Besides what the bytes take,
const BASE_TIME: Duration = Duration::from_secs(300);
/// at the slowest: fetched, joined and sent, bytes a second;
const SLOWEST: u64 = 256 * 1024;
/// where it is encoded anew as well.
const SLOWEST_IMPORT: u64 = 16 * 1024;
/// The longest answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

pub(super) async fn run(config: &Config, joining: &Joining, making: Making) -> Joined {
    let dir = config.dir.join(&joining.sid);
    let slowest = match making {
        Making::Joined => SLOWEST,
        Making::Imported => SLOWEST_IMPORT,
    };
    let limit = BASE_TIME + Duration::from_secs(joining.bytes() / slowest);
    let joined = match tokio::time::timeout(limit, ask(config, &dir, joining, making)).await {
        Ok(Ok(joined)) => joined,
        Ok(Err(error)) => Joined::Failed(Refusal::internal(error)),
        Err(_) => Joined::Failed(Refusal::internal(format!("it took longer than {} s", limit.as_secs()))),
    };
    if let Err(error) = tokio::fs::remove_dir_all(&dir).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, dir = %dir.display(), "a directory stays behind");
    }
    joined
}

async fn ask(config: &Config, dir: &Path, joining: &Joining, making: Making) -> Result<Joined, String> {
    let question = serde_json::to_vec(joining).map_err(|error| error.to_string())?;
    let mut child = Command::new(&config.program)
        .args(["join", "--dir"])
        .arg(dir)
        .args((making == Making::Imported).then_some("--import"))
        .args(&config.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("its process does not start: {error}"))?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (mut stdin, stdout) = pipes.ok_or("its process has no pipes")?;
    let written = stdin.write_all(&question).await;
    written.map_err(|error| format!("its process reads nothing: {error}"))?;
    drop(stdin);
    let mut answer = Vec::new();
    let read = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await;
    read.map_err(|error| format!("its process cannot be heard: {error}"))?;
    let status = child.wait().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer).map_err(|_| format!("its process ended with {status} and said nothing"))
}
