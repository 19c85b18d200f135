use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use protocol::{Cipher, Secret};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::stop_signal::stop_signal;
use crate::channel::StreamPath;
use crate::encryption::{Codec, Keys};
use crate::playback::{self, Pace};
use crate::stream::{AccessUnit, Format};

#[derive(Args, Debug)]
pub(super) struct PublishArgs {
    /// Where to publish: `rtsp://host:port/app/channel/uid[/stream]`.
    #[arg(long)]
    url: String,
    /// A media file with H.264 and AAC or Opus.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Encrypt with the secret of the channel.
    #[arg(long, value_name = "MODE", requires = "secret_file")]
    encrypt: Option<Mode>,
    /// File that contains the secret.
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    secret_file: Option<PathBuf>,
    /// Name of the channel, from which keys are derived together with the secret [default: the one in the URL]
    #[arg(long, requires = "encrypt")]
    channel: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    #[value(name = "aes-128-xts")]
    Aes128Xts,
    #[value(name = "aes-128-ecb")]
    Aes128Ecb,
    #[value(name = "aes-256-xts")]
    Aes256Xts,
}

impl From<Mode> for Cipher {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Aes128Xts => Self::Aes128Xts,
            Mode::Aes128Ecb => Self::Aes128Ecb,
            Mode::Aes256Xts => Self::Aes256Xts,
        }
    }
}

/// Publishes a file at the pace of its timestamps, to its end or a signal.
pub(super) async fn run(args: PublishArgs) -> Result<(), String> {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let published = tokio::task::spawn_blocking(move || publish(&args, &stopped));
    tokio::pin!(published);
    let done = tokio::select! {
        done = &mut published => done,
        signal = stop_signal() => {
            signal?;
            stop.cancel();
            published.await
        }
    };
    done.map_err(|error| error.to_string())?
}

fn publish(args: &PublishArgs, stop: &CancellationToken) -> Result<(), String> {
    let seal = Seal::new(args)?;
    let sealed = |format: &Format, unit: &AccessUnit| seal.seal(format, unit);
    playback::publish(&args.input, &args.url, Pace::default(), sealed, stop)
}

/// What is done to units on their way.
struct Seal(Option<Keys>);

impl Seal {
    fn new(args: &PublishArgs) -> Result<Self, String> {
        let (Some(mode), Some(file)) = (args.encrypt, &args.secret_file) else {
            return Ok(Self(None));
        };
        let channel = match &args.channel {
            Some(channel) => channel.clone(),
            None => channel_of(&args.url)?,
        };
        Ok(Self(Some(Keys::derive(mode.into(), &secret(file)?, &channel))))
    }

    fn seal(&self, format: &Format, unit: &AccessUnit) -> Result<Vec<u8>, String> {
        let Some(keys) = &self.0 else {
            return Ok(unit.data.to_vec());
        };
        let codec = Codec::of(format).ok_or("only H.264, AAC and Opus can be encrypted")?;
        let mut failure = None;
        let mut number = || {
            let mut number = [0; 8];
            failure = failure.take().or(getrandom::fill(&mut number).err());
            number
        };
        let sealed = keys.seal(codec, &unit.data, &mut number);
        match failure {
            Some(error) => Err(format!("the system has no randomness: {error}")),
            None => Ok(sealed),
        }
    }
}

fn channel_of(url: &str) -> Result<String, String> {
    let url = Url::parse(url).map_err(|error| format!("--url cannot be read: {error}"))?;
    let path =
        StreamPath::parse(url.path()).map_err(|error| format!("--url names no channel ({error}): use --channel"))?;
    Ok(path.channel)
}

fn secret(file: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{}: there is no secret in it", file.display())),
        secret => Ok(Secret::new(secret)),
    }
}
