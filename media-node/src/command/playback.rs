use std::io::{BufRead as _, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use protocol::{MAX_MESSAGE_BYTES, PlaybackState};
use tokio_util::sync::CancellationToken;

use super::stop_signal::leave_to_parent;
use crate::outbound::Targets;
use crate::playback::{self, Question};

/// Reads what is to be played, as a line of JSON, from standard input, says on standard output how far it has come, and stops at the
/// end of its input. `serve` starts it.
#[derive(Args, Debug)]
pub(super) struct PlaybackArgs {
    /// A directory for the file.
    #[arg(long)]
    dir: PathBuf,
    /// Connect to private, loopback and link-local addresses too.
    #[arg(long, env = "TAPEDECK_ALLOW_PRIVATE_TARGETS", value_parser = FalseyValueParser::new())]
    allow_private_targets: bool,
}

pub(super) async fn run(args: PlaybackArgs) -> Result<(), String> {
    leave_to_parent()?;
    let mut line = Vec::new();
    let most = MAX_MESSAGE_BYTES as u64;
    let read = std::io::stdin().lock().take(most).read_until(b'\n', &mut line);
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    let question: Question =
        serde_json::from_slice(&line).map_err(|error| format!("standard input is no question: {error}"))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    // A thread of its own: it waits for as long as the process lasts.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stopped.cancel();
    });
    let targets = match args.allow_private_targets {
        true => Targets::Any,
        false => Targets::Public,
    };
    let ended = playback::run(&question, &args.dir, targets, &stop, |state| {
        // Whoever would hear it is gone otherwise, which stops it.
        let _ = say(state);
    });
    say(&ended.await)
}

fn say(state: &PlaybackState) -> Result<(), String> {
    let mut line = serde_json::to_vec(state).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&line).and_then(|()| out.flush());
    written.map_err(|error| format!("standard output cannot be written: {error}"))
}
