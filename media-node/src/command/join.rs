use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use protocol::{Joining, MAX_MESSAGE_BYTES};

use super::args::EncoderArgs;
use crate::joiner;
use crate::outbound::Targets;

/// Reads what is to be joined, as JSON, from standard input, and writes what came of it to standard output. `serve` starts it.
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
    encoder: EncoderArgs,
}

pub(super) async fn run(args: JoinArgs) -> Result<(), String> {
    let mut question = Vec::new();
    let most = MAX_MESSAGE_BYTES as u64;
    let read = std::io::stdin().take(most).read_to_end(&mut question);
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    let joining: Joining =
        serde_json::from_slice(&question).map_err(|error| format!("standard input is no question: {error}"))?;
    let targets = match args.allow_private_targets {
        true => Targets::Any,
        false => Targets::Public,
    };
    let options = args.import.then(|| args.encoder.options()).transpose()?;
    let encoder = options.as_ref().map(|options| &options.video_encoder);
    let joined = joiner::run(&joining, &args.dir, targets, encoder).await;
    let answer = serde_json::to_vec(&joined).map_err(|error| error.to_string())?;
    let written = std::io::stdout().write_all(&answer);
    written.map_err(|error| format!("standard output cannot be written: {error}"))
}
