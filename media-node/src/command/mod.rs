//! The program's commands: flags and environment in, the parts wired together, an exit code out. It knows every part and
//! none of their work.

mod args;
mod check;
mod join;
mod logging;
mod mix;
mod playback;
mod publish;
mod record;
mod rescue;
mod serve;
mod stop_signal;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::Span;

use crate::record::Options;
use crate::{media, recorder, supervisor};

/// Tapedeck's media node: serves channels, records them and uploads what it recorded.
#[derive(Debug, Parser)]
#[command(name = "media-node", version)]
pub struct Cli {
    /// What is logged to standard error: a level, or levels per module (`info,media_node::upload=debug`).
    #[arg(long, env = "TAPEDECK_LOG", default_value = "info", global = true)]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve channels and record what the edge asks for.
    Serve(Box<serve::ServeArgs>),
    /// Record streams into a directory, without an edge or a store.
    Record(Box<record::RecordArgs>),
    /// Mix media files into one, as if they were the users of a channel.
    Mix(Box<mix::MixArgs>),
    /// Publish a media file as a user of a channel, optionally encrypted.
    Publish(publish::PublishArgs),
    /// Join files of MP4 that are in stores: what `serve` starts for that.
    #[command(hide = true)]
    Join(join::JoinArgs),
    /// Publish a file that is in a store: what `serve` starts for that.
    #[command(hide = true)]
    Playback(playback::PlaybackArgs),
    /// Verify the spool and say what a start would repair; exit code 1 if media is missing or something is damaged.
    Check {
        /// A node's spool directory, or that of one recording.
        spool: PathBuf,
    },
    /// Bring what can be read of a spool that no node goes on with to a store.
    Rescue(Box<rescue::RescueArgs>),
}

/// Runs a command to its end.
pub fn run(cli: Cli) -> ExitCode {
    if let Err(error) = logging::start(&cli.log) {
        eprintln!("media-node: --log {:?}: {error}", cli.log);
        return ExitCode::FAILURE;
    }
    if !matches!(&cli.command, Command::Check { .. })
        && let Err(error) = media::init()
    {
        tracing::error!(%error, "the media library cannot be used");
        return ExitCode::FAILURE;
    }
    let result = match cli.command {
        Command::Check { spool } => return check::run(&spool),
        Command::Rescue(args) => {
            let mut whole = false;
            let work = async { rescue::run(*args).await.map(|is_whole| whole = is_whole) };
            match block_on(None, work) {
                Ok(()) if !whole => return ExitCode::from(rescue::PARTLY),
                result => result,
            }
        }
        Command::Serve(args) => block_on(None, serve::run(*args, &cli.log)),
        Command::Record(args) => match (&args.dir, args.supervised) {
            (Some(dir), true) => {
                // The spool's directory has the recording's name.
                let sid = dir.file_name().unwrap_or_default().to_string_lossy();
                let span = tracing::error_span!("recording", sid = &*sid);
                let limited = args.memory_limit.map_or(Ok(()), supervisor::limit_own);
                let recording = async {
                    limited?;
                    stop_signal::leave_to_parent()?;
                    recorder::run(dir, args.recording.options()?).await
                };
                block_on(Some(span), recording)
            }
            _ => block_on(None, record::run(*args)),
        },
        Command::Mix(args) => mix::run(&args),
        Command::Join(args) => block_on(None, join::run(args)),
        Command::Playback(args) => block_on(None, playback::run(args)),
        Command::Publish(args) => block_on(None, publish::run(args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One for each user that a recording may have at a time, and as many as tokio has by itself for all that waits for the disk.
const MAX_BLOCKING_THREADS: usize = Options::MOST_USERS as usize + 512;

/// Runs `work` to its end. `span` is around everything that any of the threads logs.
fn block_on(span: Option<Span>, work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().max_blocking_threads(MAX_BLOCKING_THREADS);
    let _entered = span.clone().map(Span::entered);
    if let Some(span) = span {
        // A span that is never left lasts as long as the thread.
        builder.on_thread_start(move || std::mem::forget(span.clone().entered()));
    }
    let runtime = builder
        .build()
        .map_err(|error| format!("the runtime cannot start: {error}"))?;
    let result = runtime.block_on(work);
    // A thread that waits for standard input would be waited for.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// One that has the name of another, in whichever struct, is never set, and nobody is told.
    #[test]
    fn no_two_settings_of_a_command_have_the_same_name() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_address_for_rtmp_in_tls_needs_a_certificate_and_its_key() {
        let parse = |more: &[&str]| {
            let serve = ["media-node", "serve", "--spool", "x", "--rtmps-listen", "127.0.0.1:443"];
            Cli::try_parse_from(serve.iter().chain(more))
        };
        assert!(parse(&["--rtmps-certificate", "c.pem", "--rtmps-key", "k.pem"]).is_ok());
        let error = parse(&["--rtmps-key", "k.pem"]).unwrap_err().to_string();
        assert!(error.contains("--rtmps-certificate"), "{error}");
    }
}
