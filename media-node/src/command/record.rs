use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use protocol::{
    Addressing, ChannelType, FileStyle, Job, Mode, Outputs, RecorderKey, RecordingSpec, Secret, SecretUrl, Selection,
    Source, Storage, StorageKind, StreamTypes, Subscription, VideoQuality,
};
use tokio::sync::watch;

use super::args::{RecordingArgs, duration};
use super::stop_signal::stop_signal;
use crate::random::random_id;
use crate::record::Status;
use crate::recorder::{self, Alone};

const STATUS_EVERY: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub(super) struct RecordArgs {
    /// An RTSP stream to record; repeat it for more. The URL may contain credentials.
    #[arg(long, value_name = "URL", required_unless_present = "supervised")]
    url: Vec<String>,
    /// The uid for the URL at the same position [default: 1, 2, …]
    #[arg(long)]
    uid: Vec<String>,
    /// Directory for playlists and slices.
    #[arg(long, value_name = "DIR", required_unless_present = "supervised")]
    out: Option<PathBuf>,
    /// Channel name, part of the names of the files.
    #[arg(long, default_value = "channel")]
    channel: String,
    /// Ends after this time: `10s`, `5m`, `1h`. Without it, SIGINT or SIGTERM ends it.
    #[arg(long, value_parser = duration::parse)]
    duration: Option<Duration>,
    #[command(flatten)]
    pub(super) recording: RecordingArgs,
    /// Takes the job and orders from standard input and reports on standard output; used by `serve`.
    #[arg(long, hide = true, requires = "dir", conflicts_with_all = ["url", "uid", "out", "duration"])]
    pub(super) supervised: bool,
    /// The recording's spool.
    #[arg(long, hide = true)]
    pub(super) dir: Option<PathBuf>,
    /// Bytes of memory that this process may take.
    #[arg(long, hide = true)]
    pub(super) memory_limit: Option<u64>,
}

/// Records URLs into a directory.
pub(super) async fn run(args: RecordArgs) -> Result<(), String> {
    let out = args.out.clone().ok_or("--out is missing")?;
    let alone = Alone {
        job: job(&args, &out)?,
        out: out.clone(),
        options: args.recording.options()?,
    };
    let (status, statuses) = watch::channel(Status::default());
    let recorded = recorder::record(alone, status, wait(args.duration, statuses)).await?;
    for file in &recorded.files {
        let (seconds, name) = (file.duration_ms as f64 / 1000.0, out.join(&file.name));
        println!(
            "{} ({:.3} s in {} slices, {} bytes)",
            name.display(),
            seconds,
            file.slices,
            file.bytes
        );
    }
    for problem in &recorded.problems {
        tracing::warn!(code = %problem.code, "{}", problem.message);
    }
    if recorded.files.is_empty() {
        Err("nothing was recorded".to_owned())
    } else {
        Ok(())
    }
}

/// Until the time is over or a signal comes.
async fn wait(duration: Option<Duration>, statuses: watch::Receiver<Status>) -> Result<(), String> {
    let over = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let watch = async {
        loop {
            tokio::time::sleep(STATUS_EVERY).await;
            let status = statuses.borrow();
            tracing::info!(
                lost_packets = status.lost_packets,
                idle = status.idle_since_ms.is_some(),
                "recording"
            );
        }
    };
    tokio::select! {
        () = over => Ok(()),
        signal = stop_signal() => signal,
        () = watch => Ok(()),
    }
}

fn job(args: &RecordArgs, out: &Path) -> Result<Job, String> {
    if args.uid.len() > args.url.len() {
        return Err("there are more --uid than --url".to_owned());
    }
    let mut streams = BTreeMap::new();
    for (index, url) in args.url.iter().enumerate() {
        let uid = args.uid.get(index).cloned().unwrap_or_else(|| (index + 1).to_string());
        if streams.insert(uid.clone(), SecretUrl::new(url.clone())).is_some() {
            return Err(format!("the uid {uid} is given for two URLs"));
        }
    }
    Ok(Job {
        sid: random_id().map_err(|error| format!("the system has no randomness: {error}"))?,
        epoch: 1,
        recorder: RecorderKey {
            app_id: "local".to_owned(),
            channel: args.channel.clone(),
            uid: "0".to_owned(),
        },
        spec: RecordingSpec {
            mode: Mode::Individual,
            mix: None,
            snapshots: None,
            decryption: None,
            channel_type: ChannelType::Live,
            source: Source::Static { streams },
            subscription: Subscription {
                version: 1,
                types: StreamTypes::Both,
                audio: Selection::All,
                video: Selection::All,
                quality: VideoQuality::High,
            },
            outputs: Outputs::default(),
            files: FileStyle::default(),
            storage: Storage {
                kind: StorageKind::S3,
                addressing: Addressing::Path,
                session_ends_ms: None,
                encryption: None,
                tags: None,
                endpoint: "file://".to_owned(),
                region: String::new(),
                bucket: out.display().to_string(),
                access_key: String::new(),
                secret_key: Secret::default(),
                session_token: None,
                prefix: String::new(),
                video: Default::default(),
            },
            backup: None,
        },
        assignment: Default::default(),
    })
}
