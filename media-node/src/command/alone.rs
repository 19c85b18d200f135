use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::{
    Addressing, ChannelType, Desired, Directive, EndCause, Job, Mode, PlaylistStyle, RecorderKey, RecordingSpec,
    Secret, Selection, Source, Storage, StorageKind, StreamTypes, Subscription, VideoQuality,
};
use tokio::sync::watch;

use super::{RecordArgs, open_spool, stop_signal};
use crate::capture::Clock;
use crate::channel::NodeAddresses;
use crate::clock::unix_ms;
use crate::container::playlist;
use crate::record::{self, Context, Status};
use crate::spool::{self, Opening};
use crate::upload::{Store, Uploader};

/// Directory below the output's for slices that no playlist names yet; it is removed at the end.
const SPOOL: &str = ".spool";
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Records URLs into a directory: the same capture, spool and playlists as with an edge, and the directory for a store.
pub(super) async fn run(args: RecordArgs) -> Result<(), String> {
    let out = args.out.clone().ok_or("--out is missing")?;
    let job = job(&args, &out)?;
    let dir = out.join(SPOOL).join(&job.sid);
    spool::store_job(&dir, &job).map_err(|error| error.to_string())?;
    let opening = Opening {
        epoch: job.epoch,
        at_ms: unix_ms(),
    };
    let spool = open_spool(&dir, opening).await.map_err(|error| error.to_string())?;
    let style = job.spec.playlist;
    let render = Box::new(move |slices: &[_], ended| playlist::render(slices, style, ended));
    let uploader = tokio::spawn(Uploader::new(Arc::clone(&spool), Store::Directory(out.clone()), None, render).run());
    let wanted = Desired {
        epoch: job.epoch,
        directive: Directive::Record,
        subscription: job.spec.subscription.clone(),
        scene: None,
        keys: None,
        terms: Default::default(),
    };
    let (desired, desired_state) = watch::channel(wanted);
    let (status, statuses) = watch::channel(Status::default());
    let context = Context {
        clock: Clock::new(spool.started_ms()),
        spool: Arc::clone(&spool),
        addresses: NodeAddresses::default(),
        options: args.recording.options()?,
        job,
    };
    let capture = tokio::spawn(record::run(context, desired_state, status));
    wait(args.duration, statuses.clone()).await?;
    desired.send_modify(|desired| desired.directive = Directive::Stop(EndCause::Stopped));
    let cause = capture.await.map_err(|error| error.to_string())?;
    tokio::task::block_in_place(|| spool.finish(cause)).map_err(|error| error.to_string())?;
    uploader.await.map_err(|error| error.to_string())?;
    for file in spool.files("") {
        let (seconds, name) = (file.duration_ms as f64 / 1000.0, out.join(&file.name));
        println!(
            "{} ({:.3} s in {} slices, {} bytes)",
            name.display(),
            seconds,
            file.slices,
            file.bytes
        );
    }
    for problem in &statuses.borrow().problems {
        tracing::warn!(code = problem.code, "{}", problem.message);
    }
    let removed = std::fs::remove_dir_all(&dir).and_then(|()| std::fs::remove_dir(out.join(SPOOL)));
    // Another recording into the same directory has its spool there too.
    if let Err(error) = removed {
        tracing::debug!(%error, "the spool's directory stays");
    }
    if spool.files("").is_empty() {
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
        if streams.insert(uid.clone(), Secret::new(url.clone())).is_some() {
            return Err(format!("the uid {uid} stands for two URLs"));
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
            playlist: PlaylistStyle { strict_extinf: true },
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

/// 32 lower-case hexadecimal characters.
pub(super) fn random_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
