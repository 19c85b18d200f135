use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use protocol::{Addressing, Job, Secret, Storage, StorageKind};

use crate::outbound::Targets;
use crate::recorder::{self, RescueOrder, Rescuing};
use crate::spool::{self, Salvage};

/// The exit code when everything that can be read is in the store, and something cannot be read or is missing.
pub(super) const PARTLY: u8 = 3;

const ACCESS_KEY: &str = "TAPEDECK_RESCUE_ACCESS_KEY";
const SECRET_KEY: &str = "TAPEDECK_RESCUE_SECRET_KEY";
const SESSION_TOKEN: &str = "TAPEDECK_RESCUE_SESSION_TOKEN";

/// Sends what is not in the store yet, sees that it is there, and writes playlists of it that have ended; repeated, it goes on
/// where it stopped. The spool stays until `--remove`. No process may record into it: the node of a recording that goes on
/// uploads it by itself.
///
/// The keys are those in the environment: TAPEDECK_RESCUE_ACCESS_KEY, TAPEDECK_RESCUE_SECRET_KEY and, with temporary keys,
/// TAPEDECK_RESCUE_SESSION_TOKEN. They have to be able to write, read and list.
///
/// Exit codes: 0 when everything is in the store, 3 when everything is that can be read and something cannot or is missing, 1
/// when it failed and can be repeated.
#[derive(Args, Debug)]
pub(super) struct RescueArgs {
    /// The spool of one recording: `SPOOL/<sid>` or `SPOOL/aside/<sid>`.
    spool: PathBuf,
    /// Say what is there and where it would go, and send nothing.
    #[arg(long)]
    list: bool,
    /// Remove the spool once everything in it is in the store.
    #[arg(long, conflicts_with = "list")]
    remove: bool,
    #[command(flatten)]
    store: StoreArgs,
    /// Connect to private, loopback and link-local addresses too when the recording names them; an --endpoint may be anywhere.
    #[arg(long, env = "TAPEDECK_ALLOW_PRIVATE_TARGETS", value_parser = FalseyValueParser::new())]
    allow_private_targets: bool,
}

/// What is left out is as the recording has it.
#[derive(Args, Debug)]
struct StoreArgs {
    /// The store's interface [default: the recording's, or s3]
    #[arg(long)]
    kind: Option<Kind>,
    /// The store's address, `https://host[:port]` [default: the recording's]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The signing region [default: the recording's]
    #[arg(long)]
    region: Option<String>,
    /// Where the bucket stands in an object's address [default: the recording's, or path]
    #[arg(long)]
    addressing: Option<AddressingName>,
    /// The bucket [default: the recording's]
    #[arg(long)]
    bucket: Option<String>,
    /// What stands in front of each name, without slashes at its ends [default: the recording's]
    #[arg(long)]
    prefix: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    S3,
    Oss,
    Cos,
    Azure,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AddressingName {
    Path,
    Virtual,
    Cname,
}

impl From<Kind> for StorageKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::S3 => Self::S3,
            Kind::Oss => Self::Oss,
            Kind::Cos => Self::Cos,
            Kind::Azure => Self::Azure,
        }
    }
}

impl From<AddressingName> for Addressing {
    fn from(name: AddressingName) -> Self {
        match name {
            AddressingName::Path => Self::Path,
            AddressingName::Virtual => Self::Virtual,
            AddressingName::Cname => Self::Cname,
        }
    }
}

/// Rescues a spool. Answers whether all of it is in the store now.
pub(super) async fn run(args: RescueArgs) -> Result<bool, String> {
    let salvage = spool::salvage(&args.spool).map_err(|error| error.to_string())?;
    let storage = args.store.storage(salvage.job.as_ref().ok());
    tell_contents(&salvage);
    let unreadable = salvage.unreadable.len();
    if args.list {
        match storage {
            Ok(storage) => println!(
                "would go to bucket {:?} at {}, below {:?}",
                storage.bucket, storage.endpoint, storage.prefix
            ),
            Err(missing) => println!("{missing}"),
        }
        return Ok(unreadable == 0);
    }
    let targets = match args.allow_private_targets || args.store.endpoint.is_some() {
        true => Targets::Any,
        false => Targets::Public,
    };
    let storage = with_keys(storage?, |name| std::env::var(name).ok())?;
    let prefix = storage.prefix.clone();
    let order = RescueOrder {
        storage,
        targets,
        removes: args.remove,
    };
    let rescuing = recorder::rescue(salvage, order).await?;
    tell_outcome(&rescuing, &prefix);
    match rescuing.removed {
        Some(Ok(())) => println!("the spool is removed"),
        Some(Err(error)) => {
            return Err(format!(
                "everything is in the store, and the spool cannot be removed: {error}"
            ));
        }
        None => println!("the spool stays; --remove removes it"),
    }
    Ok(unreadable == 0 && rescuing.rescued.missing.is_empty())
}

impl StoreArgs {
    /// Without keys.
    fn storage(&self, job: Option<&Job>) -> Result<Storage, String> {
        let recorded = job.map(|job| &job.spec.storage);
        // What a video-on-demand service calls a place is none of a bucket.
        let recorded = recorded.filter(|storage| !storage.kind.is_vod());
        let or_recorded = |flag: &Option<String>, name: &str, field: fn(&Storage) -> &String| {
            let value = flag.clone().or_else(|| recorded.map(|storage| field(storage).clone()));
            value.ok_or_else(|| match job {
                Some(_) => format!(
                    "the recording is for a video-on-demand service, which takes videos from its own node only: give a bucket \
                     to bring it to, {name} is missing"
                ),
                None => format!("job.json cannot be read, so that --{name} has to be given"),
            })
        };
        let elsewhere = self.endpoint.is_some();
        Ok(Storage {
            kind: self
                .kind
                .map(Into::into)
                .or(recorded.map(|storage| storage.kind))
                .unwrap_or(StorageKind::S3),
            endpoint: or_recorded(&self.endpoint, "endpoint", |storage| &storage.endpoint)?,
            region: or_recorded(&self.region, "region", |storage| &storage.region)?,
            addressing: match (self.addressing, recorded) {
                (Some(name), _) => name.into(),
                (None, Some(storage)) if !elsewhere => storage.addressing,
                (None, _) => Addressing::default(),
            },
            bucket: or_recorded(&self.bucket, "bucket", |storage| &storage.bucket)?,
            access_key: recorded.map(|storage| storage.access_key.clone()).unwrap_or_default(),
            secret_key: Secret::default(),
            session_token: None,
            session_ends_ms: None,
            prefix: match (&self.prefix, recorded) {
                (Some(prefix), _) => prefix.trim_matches('/').to_owned(),
                (None, Some(storage)) => storage.prefix.clone(),
                (None, None) => String::new(),
            },
            encryption: recorded.filter(|_| !elsewhere).and_then(|storage| storage.encryption),
            tags: recorded.filter(|_| !elsewhere).and_then(|storage| storage.tags.clone()),
            video: Default::default(),
        })
    }
}

fn with_keys(storage: Storage, variable: impl Fn(&str) -> Option<String>) -> Result<Storage, String> {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    let missing = |name| {
        format!(
            "{name} is not set: the keys of {:?} are taken from the environment",
            storage.bucket
        )
    };
    Ok(Storage {
        access_key: given(ACCESS_KEY).ok_or_else(|| missing(ACCESS_KEY))?,
        secret_key: Secret::new(given(SECRET_KEY).ok_or_else(|| missing(SECRET_KEY))?),
        session_token: given(SESSION_TOKEN).map(Secret::new),
        ..storage
    })
}

fn tell_contents(salvage: &Salvage) {
    let on_disk = || salvage.files.iter().filter(|file| file.path.is_some());
    let bytes: u64 = on_disk().filter_map(|file| file.bytes).sum();
    println!("{}", salvage.dir().display());
    println!(
        "{} playlists; {} files on this disk, {bytes} bytes; {} that may be in the store",
        salvage.playlists().count(),
        on_disk().count(),
        salvage.files.len() - on_disk().count(),
    );
    for (count, what) in [
        (
            salvage.cut_off(),
            "files were being written: each goes up to its last whole frame",
        ),
        (
            salvage.in_backup,
            "files are in the backup store: copy them from there, they are missing here unless they are in the bucket",
        ),
    ] {
        if count > 0 {
            println!("{count} {what}");
        }
    }
    for file in on_disk().filter(|file| file.content.is_none()) {
        println!("nothing is known of {}; no playlist names it", file.name);
    }
    if let Err(error) = &salvage.job {
        println!("unreadable: {error}");
    }
    for what in &salvage.unreadable {
        println!("unreadable: {what}");
    }
}

fn tell_outcome(Rescuing { place, rescued, .. }: &Rescuing, prefix: &str) {
    println!(
        "{place}: {} files sent, {} bytes; {} were there",
        rescued.sent, rescued.sent_bytes, rescued.found
    );
    for playlist in &rescued.playlists {
        println!(
            "{} ({:.3} s in {} slices)",
            spool::object_key(prefix, &playlist.name),
            playlist.duration_us as f64 / 1e6,
            playlist.slices
        );
        if playlist.beside {
            println!(
                "  a playlist without \"-rescued\" is there already and names slices that this spool knows nothing of: it stays"
            );
        }
    }
    for name in &rescued.missing {
        println!("missing: {name} is neither on this disk nor in the bucket");
    }
}
