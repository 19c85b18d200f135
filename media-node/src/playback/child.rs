//! The process that plays, as seen by the one that has started it. It reads the question from its standard input, since there are
//! keys in it, and says on its standard output how far it has come. It stops when its standard input ends: so it does not outlive
//! the node.

use std::time::Duration;

use protocol::{PlaybackState, Refusal};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Config, Question, is_ended};
use crate::errand;

/// How long a process may take to stop.
const STOPPING: Duration = Duration::from_secs(5);
/// All that it may say.
const MAX_SAID_BYTES: u64 = 64 << 10;

/// Runs to the end of the process, which it answers.
pub(super) async fn run(
    config: &Config,
    question: &Question,
    stop: &CancellationToken,
    told: &watch::Sender<PlaybackState>,
) -> PlaybackState {
    let dir = config.dir.join(&question.playback.id);
    let mut command = Command::new(&config.program);
    command.args(["playback", "--dir"]).arg(&dir).args(&config.arguments);
    let ended = ask(command, question, stop, told).await;
    errand::clear(&dir).await;
    match ended {
        Ok(ended) => ended,
        Err(_) if stop.is_cancelled() => PlaybackState::Over,
        Err(error) => PlaybackState::Failed(Refusal::internal(error)),
    }
}

async fn ask(
    mut command: Command,
    question: &Question,
    stop: &CancellationToken,
    told: &watch::Sender<PlaybackState>,
) -> Result<PlaybackState, String> {
    let asked = errand::line(question)?;
    let (mut child, mut stdin, stdout) = errand::start(&mut command)?;
    let written = stdin.write_all(&asked).await;
    written.map_err(|error| format!("its process reads nothing: {error}"))?;
    let mut said = BufReader::new(stdout.take(MAX_SAID_BYTES)).lines();
    let hear = async {
        let mut last = None;
        while let Ok(Some(line)) = said.next_line().await {
            if let Ok(state) = serde_json::from_str::<PlaybackState>(&line) {
                told.send_replace(state.clone());
                last = Some(state);
            }
        }
        last.filter(is_ended)
    };
    tokio::pin!(hear);
    let ended = tokio::select! {
        ended = &mut hear => ended,
        () = stop.cancelled() => {
            drop(stdin);
            timeout(STOPPING, hear).await.map_err(|_| "its process does not stop")?
        }
    };
    match ended {
        Some(ended) => Ok(ended),
        None => Err(match child.wait().await {
            Ok(status) => format!("its process ended with {status} and did not say why"),
            Err(error) => error.to_string(),
        }),
    }
}
