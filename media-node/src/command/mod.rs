//! The program's commands: flags and environment in, the parts wired together, an exit code out. It knows every part and
//! none of their work.

mod args;
mod check;
mod logging;
mod mix;
mod publish;
mod record;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tracing::Span;

use crate::{media, recorder};
use args::{RecordingArgs, duration, size};

/// Tapedeck's media node: serves channels, records them and uploads what it recorded.
#[derive(Debug, Parser)]
#[command(name = "media-node", version)]
pub struct Cli {
    /// What is logged to standard error: a level, or levels by module (`info,media_node::upload=debug`).
    #[arg(long, env = "TAPEDECK_LOG", default_value = "info", global = true)]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve channels and record what the edge asks for.
    Serve(Box<ServeArgs>),
    /// Record streams into a directory, without an edge or a store.
    Record(Box<RecordArgs>),
    /// Mix media files into one, as if they were the users of a channel.
    Mix(Box<mix::MixArgs>),
    /// Publish a media file as a user of a channel, encrypted if wanted.
    Publish(publish::PublishArgs),
    /// Verify the spool and say what a start would repair; exit code 1 when media is missing or something is damaged.
    Check {
        /// A node's spool directory, or that of one recording.
        spool: PathBuf,
    },
}

#[derive(Args, Debug)]
struct ServeArgs {
    /// Where the control API listens.
    #[arg(long, env = "TAPEDECK_NODE_LISTEN", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// Where the channel server listens for RTSP.
    #[arg(long, env = "TAPEDECK_RTSP_LISTEN", default_value = "127.0.0.1:8554")]
    rtsp_listen: SocketAddr,
    /// Directory for recordings on their way to the store; made when it is not there.
    #[arg(long, env = "TAPEDECK_SPOOL")]
    spool: PathBuf,
    /// Base URL of the edge. Without it the node takes jobs from the control API only.
    #[arg(long, env = "TAPEDECK_EDGE_URL", requires = "node_token")]
    edge_url: Option<String>,
    /// The secret that edge and node share. Needed with an edge, and where the control API listens for other machines.
    #[arg(long, env = "TAPEDECK_NODE_TOKEN", hide_env_values = true)]
    node_token: Option<String>,
    /// How the edge reaches the control API [default: http://<listen>]
    #[arg(long, env = "TAPEDECK_NODE_URL")]
    node_url: Option<String>,
    /// How recorders reach the channel server [default: rtsp://<rtsp-listen>]
    #[arg(long, env = "TAPEDECK_RTSP_URL")]
    rtsp_url: Option<String>,
    /// Name of this node [default: made once and kept in the spool directory]
    #[arg(long, env = "TAPEDECK_NODE_ID")]
    node_id: Option<String>,
    /// Where this node stands, for placement.
    #[arg(long, env = "TAPEDECK_REGION", default_value = "default")]
    region: String,
    /// Recordings at the same time.
    #[arg(long, env = "TAPEDECK_CAPACITY", default_value_t = 50)]
    capacity: u32,
    /// Key that publishers have to show; without it everybody may publish.
    #[arg(long, env = "TAPEDECK_PUBLISH_KEY", hide_env_values = true)]
    publish_key: Option<String>,
    /// Key that players have to show; without it everybody may play.
    #[arg(long, env = "TAPEDECK_PLAY_KEY", hide_env_values = true)]
    play_key: Option<String>,
    /// How long uploads may go on after SIGTERM or SIGINT: `30s`, `2m`. What is not up then stays in the spool.
    #[arg(long, env = "TAPEDECK_DRAIN", default_value = "30s", value_parser = duration::parse)]
    drain: Duration,
    /// Media that may wait for its stores at most: `200GB`, `50GiB` [default: as the disk has it]
    #[arg(long, env = "TAPEDECK_SPOOL_LIMIT", value_name = "SIZE", value_parser = size::parse)]
    spool_limit: Option<u64>,
    /// What stays free on the spool's disk.
    #[arg(long, env = "TAPEDECK_DISK_RESERVE", value_name = "SIZE", default_value = "512MiB", value_parser = size::parse)]
    disk_reserve: u64,
    #[command(flatten)]
    recording: RecordingArgs,
}

#[derive(Args, Debug)]
struct RecordArgs {
    /// An RTSP stream to record; repeat it for more. Credentials may stand in the URL.
    #[arg(long, value_name = "URL", required_unless_present = "supervised")]
    url: Vec<String>,
    /// The uid for the URL at the same place [default: 1, 2, …]
    #[arg(long)]
    uid: Vec<String>,
    /// Directory for playlists and slices.
    #[arg(long, value_name = "DIR", required_unless_present = "supervised")]
    out: Option<PathBuf>,
    /// Channel name in the files' names.
    #[arg(long, default_value = "channel")]
    channel: String,
    /// Ends after so long: `10s`, `5m`, `1h`. Without it, SIGINT or SIGTERM ends it.
    #[arg(long, value_parser = duration::parse)]
    duration: Option<Duration>,
    #[command(flatten)]
    recording: RecordingArgs,
    /// Takes the job and orders from standard input and reports on standard output; used by `serve`.
    #[arg(long, hide = true, requires = "dir", conflicts_with_all = ["url", "uid", "out", "duration"])]
    supervised: bool,
    /// The recording's spool.
    #[arg(long, hide = true)]
    dir: Option<PathBuf>,
}

/// Runs a command to its end.
pub fn run(cli: Cli) -> ExitCode {
    if let Err(error) = logging::start(&cli.log) {
        eprintln!("media-node: --log {:?}: {error}", cli.log);
        return ExitCode::FAILURE;
    }
    if let Command::Serve(_) | Command::Record(_) | Command::Mix(_) | Command::Publish(_) = &cli.command
        && let Err(error) = media::init()
    {
        tracing::error!(%error, "the media library cannot be used");
        return ExitCode::FAILURE;
    }
    let result = match cli.command {
        Command::Check { spool } => return check::run(&spool),
        Command::Serve(args) => block_on(None, serve::run(*args, &cli.log)),
        Command::Record(args) => match (&args.dir, args.supervised) {
            (Some(dir), true) => {
                // The spool's directory has the recording's name.
                let sid = dir.file_name().unwrap_or_default().to_string_lossy();
                let span = tracing::error_span!("recording", sid = &*sid);
                let recording = async { recorder::run(dir, args.recording.options()?).await };
                block_on(Some(span), recording)
            }
            _ => block_on(None, record::run(*args)),
        },
        Command::Mix(args) => mix::run(&args),
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

/// Runs `work` to its end. `span` is around everything that any of the threads logs.
fn block_on(span: Option<Span>, work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
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

/// Resolves at SIGTERM or SIGINT.
async fn stop_signal() -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be heard: {error}"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
