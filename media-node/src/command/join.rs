use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use protocol::{Joining, MAX_MESSAGE_BYTES};

use super::args::EncoderArgs;
use super::stop_signal::leave_to_parent;
use crate::joiner::{self, Making};
use crate::outbound::Targets;
use crate::supervisor;

/// Reads what is to be joined, as a line of JSON, from standard input, and writes what came of it to standard output. `serve` starts
/// it; at the end of its input it ends.
#[derive(Args, Debug)]
pub(super) struct JoinArgs {
    /// A directory for what is fetched and made.
    #[arg(long)]
    dir: PathBuf,
    /// Connect to private, loopback and link-local addresses too.
    #[arg(long, env = "TAPEDECK_ALLOW_PRIVATE_TARGETS", value_parser = FalseyValueParser::new())]
    allow_private_targets: bool,
    /// The parts are pieces of one file of any container and codecs.
    #[arg(long)]
    import: bool,
    #[command(flatten)]
    encoders: EncoderArgs,
    /// Bytes of memory that this process may take.
    #[arg(long, hide = true)]
    memory_limit: Option<u64>,
}

pub(super) async fn run(args: JoinArgs) -> Result<(), String> {
    args.memory_limit.map_or(Ok(()), supervisor::limit_own)?;
    leave_to_parent()?;
    let mut input = BufReader::new(std::io::stdin());
    let mut question = Vec::new();
    let most = MAX_MESSAGE_BYTES as u64;
    let read = input.by_ref().take(most).read_until(b'\n', &mut question);
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    let joining: Joining =
        serde_json::from_slice(&question).map_err(|error| format!("standard input is no question: {error}"))?;
    let targets = match args.allow_private_targets {
        true => Targets::Any,
        false => Targets::Public,
    };
    let making = if args.import { Making::Imported } else { Making::Joined };
    end_with(input);
    let joined = joiner::run(&joining, making, &args.dir, targets, args.encoders.options()?).await;
    let answer = serde_json::to_vec(&joined).map_err(|error| error.to_string())?;
    let written = std::io::stdout().write_all(&answer);
    written.map_err(|error| format!("standard output cannot be written: {error}"))
}

/// Ends this process at the end of its input: whoever has asked is gone.
fn end_with(mut input: impl std::io::Read + Send + 'static) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        tracing::warn!("nobody waits for the joined file any more");
        std::process::exit(1)
    });
}
