//! The process that joins, as seen by the one that has started it: it reads the question from its standard input, since there are
//! keys in it, and writes what came of it to its standard output. The end of its input tells it that nobody waits any more.

use std::path::Path;
use std::time::Duration;

use protocol::{Joined, Joining, Refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Config, Making};
use crate::errand;

/// Besides what the bytes take,
const BASE_TIME: Duration = Duration::from_secs(300);
/// at the slowest: media of 128 kb/s, coded anew as slowly as it is played, bytes a second.
const SLOWEST: u64 = 16 * 1024;
/// Whatever they are.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// Recordings go first: their media does not wait.
const NICE: [&str; 2] = ["-n", "15"];
/// The longest answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

pub(super) async fn run(config: &Config, joining: &Joining, making: Making) -> Joined {
    let dir = config.dir.join(&joining.sid);
    let limit = (BASE_TIME + Duration::from_secs(joining.bytes() / SLOWEST)).min(LONGEST);
    let joined = match tokio::time::timeout(limit, ask(config, &dir, joining, making)).await {
        Ok(Ok(joined)) => joined,
        Ok(Err(error)) => Joined::Failed(Refusal::internal(error)),
        Err(_) => Joined::Failed(Refusal::internal(format!("it took longer than {} s", limit.as_secs()))),
    };
    errand::clear(&dir).await;
    joined
}

async fn ask(config: &Config, dir: &Path, joining: &Joining, making: Making) -> Result<Joined, String> {
    let question = errand::line(joining)?;
    let allowance = config.memory.allowance(&format!("join-{}", joining.sid));
    let mut command = Command::new("nice");
    command
        .args(NICE)
        .arg(&config.program)
        .args(["join", "--dir"])
        .arg(dir)
        .args((making == Making::Imported).then_some("--import"))
        .args(&config.arguments)
        .args(allowance.arguments());
    let (mut child, mut stdin, stdout) = errand::start(&mut command)?;
    allowance.enclose(child.id());
    let written = stdin.write_all(&question).await;
    let mut answer = Vec::new();
    let read = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await;
    read.map_err(|error| format!("its process cannot be heard: {error}"))?;
    let status = child.wait().await.map_err(|error| error.to_string())?;
    // Up to here the end of its input would have ended it.
    drop(stdin);
    if let Some(reason) = allowance.exceeded(status) {
        return Err(reason);
    }
    written.map_err(|error| format!("its process reads nothing: {error}"))?;
    serde_json::from_slice(&answer).map_err(|_| format!("its process ended with {status} and said nothing"))
}
