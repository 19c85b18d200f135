use std::fmt;
use std::path::Path;

use protocol::{Job, SecretUrl, Source, Storage};

use super::apply::Contradiction;
use super::aside::{files_aside, is_spool, is_unclaimed, list_set_aside};
use super::journal::{self, replay};
use super::listing;
use super::repair::{self, Repair};
use super::state::State;
use super::{ASIDE, JOURNAL, LoneKind, SLICES, SpoolError, load_job};

/// What `check` has to say of one recording's spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// In order; a count of what the spool holds.
    Holds {
        slices: u64,
        playlists: u64,
        /// Taken since the recording's start.
        pictures: u64,
        whole_files: u64,
        unconfirmed: u64,
        ended: bool,
    },
    /// Half done by a stop; the next opening puts it right.
    Repairable(String),
    /// In order, and waiting for somebody.
    Unclaimed,
    /// Against the invariants: something other than this program has changed the spool, or the disk has failed.
    Violation(String),
}

impl Finding {
    pub fn is_violation(&self) -> bool {
        matches!(self, Self::Violation(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds {
                slices,
                playlists,
                pictures,
                whole_files,
                unconfirmed,
                ended,
            } => {
                let state = if *ended {
                    "capture has ended"
                } else {
                    "capture has not ended"
                };
                write!(f, "{slices} slices in {playlists} playlists, ")?;
                for (count, what) in [(pictures, "pictures"), (whole_files, "whole files")] {
                    if *count > 0 {
                        write!(f, "{count} {what}, ")?;
                    }
                }
                write!(f, "{unconfirmed} not confirmed; {state}")
            }
            Self::Repairable(what) => write!(f, "start-up will repair: {what}"),
            Self::Unclaimed => f.write_str(
                "the edge does not know this recording any more: `media-node rescue` brings its media to a store",
            ),
            Self::Violation(what) => write!(f, "VIOLATION: {what}"),
        }
    }
}

/// Verifies the spool of one recording and changes nothing. The findings are of one moment: a process that records
/// into the spool meanwhile can make it look half done.
pub fn check(dir: &Path) -> Result<Vec<Finding>, SpoolError> {
    let mut findings = Vec::new();
    match load_job(dir) {
        Ok(job) => {
            findings.extend(secrets_in(&job).map(|what| Finding::Violation(format!("job.json contains {what}"))))
        }
        Err(error) => findings.push(Finding::Violation(error.to_string())),
    }
    if is_unclaimed(dir) {
        findings.push(Finding::Unclaimed);
    }
    for file in files_aside(dir)? {
        findings.push(Finding::Violation(format!(
            "{} could not be accounted for and is kept: `media-node rescue` brings it to a store",
            file.display()
        )));
    }
    let path = dir.join(JOURNAL);
    // The files are listed first: a file committed in between is then in the journal at least.
    let listing = listing::list_if_there(&dir.join(SLICES))?;
    let replay = match replay(&path, &journal::read(&path)?) {
        Ok(replay) => replay,
        Err(error) => {
            findings.push(Finding::Violation(error.to_string()));
            return Ok(findings);
        }
    };
    if replay.torn_bytes > 0 {
        findings.push(Finding::Repairable(format!(
            "the journal's last {} bytes are half a line",
            replay.torn_bytes
        )));
    }
    if replay.entries.is_empty() && !listing.is_empty() {
        findings.push(Finding::Violation(SpoolError::NoJournal(dir.to_owned()).to_string()));
        return Ok(findings);
    }
    match State::from_entries(replay.entries) {
        Err(Contradiction(what)) => findings.push(Finding::Violation(what)),
        Ok(state) => {
            findings.push(Finding::Holds {
                slices: state.kept().count() as u64,
                playlists: state.playlists.len() as u64,
                pictures: state.pictures.taken,
                whole_files: state
                    .lone
                    .values()
                    .filter(|kept| kept.file.kind != LoneKind::Picture)
                    .count() as u64,
                unconfirmed: state.waiting().count() as u64,
                ended: state.cause.is_some(),
            });
            findings.extend(repair::plan(&state, &listing).into_iter().map(describe));
        }
    }
    Ok(findings)
}

/// The secrets that a kept job should not have, in words.
fn secrets_in(job: &Job) -> impl Iterator<Item = &'static str> {
    let spec = &job.spec;
    let scene = spec.mix.as_ref().map(|mix| &mix.scene);
    let common = scene
        .into_iter()
        .flat_map(|scene| [&scene.background_image, &scene.user_image]);
    let own = scene
        .into_iter()
        .flat_map(|scene| &scene.user_images)
        .map(|image| &image.url);
    let (streams, password) = match &spec.source {
        Source::Static { streams } => (streams.values().any(SecretUrl::has_secrets), false),
        Source::Mediamtx { credentials, .. } => (false, credentials.is_some()),
        Source::Builtin { .. } => (false, false),
    };
    let found = [
        (
            stores(job).any(|store| !store.secret_key.is_empty() || store.session_token.is_some()),
            "the store's secret key",
        ),
        (
            spec.decryption
                .as_ref()
                .is_some_and(|decryption| !decryption.secret.is_empty()),
            "the channel's secret",
        ),
        (password, "the source's password"),
        (streams, "URLs of the source, in which cameras take passwords"),
        (
            common.flatten().chain(own).any(SecretUrl::has_secrets),
            "URLs of images with a password or a signature",
        ),
    ];
    found
        .into_iter()
        .filter(|(is_there, _)| *is_there)
        .map(|(_, what)| what)
}

fn stores(job: &Job) -> impl Iterator<Item = &Storage> {
    std::iter::once(&job.spec.storage).chain(job.spec.backup.as_ref().map(|backup| &backup.storage))
}

/// Verifies each recording in a node's spool directory, those that were set aside included: name and findings, by name. A
/// directory that is itself the spool of a recording counts as the only one.
pub fn check_all(spool: &Path) -> Result<Vec<(String, Vec<Finding>)>, SpoolError> {
    if is_spool(spool) {
        return Ok(vec![(name_of(spool), check(spool)?)]);
    }
    let mut recordings = Vec::new();
    for entry in std::fs::read_dir(spool).map_err(SpoolError::io("list", spool))? {
        let dir = entry.map_err(SpoolError::io("list", spool))?.path();
        if is_spool(&dir) {
            recordings.push((name_of(&dir), check(&dir)?));
        }
    }
    for set_aside in list_set_aside(spool)? {
        let why = format!(
            "it was set aside, because {}: `media-node rescue {}` brings to a store what can be read",
            set_aside.why,
            set_aside.dir.display()
        );
        let findings = std::iter::once(Finding::Violation(why)).chain(check(&set_aside.dir)?);
        recordings.push((format!("{ASIDE}/{}", name_of(&set_aside.dir)), findings.collect()));
    }
    recordings.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(recordings)
}

fn name_of(dir: &Path) -> String {
    dir.file_name()
        .unwrap_or(dir.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn describe(repair: Repair) -> Finding {
    match repair {
        Repair::Finish { number, .. } => Finding::Repairable(format!("file {number} was being written")),
        Repair::Forget { number } => Finding::Repairable(format!("file {number} was started but not created")),
        Repair::Remove { file } => Finding::Repairable(format!("{file} is not needed any more but not removed")),
        Repair::Cut { file, bytes } => {
            Finding::Repairable(format!("all but the first {bytes} bytes of {file} are another node's"))
        }
        Repair::Scratch { file } => Finding::Repairable(format!("{file} was made and not used")),
        Repair::Foreign { file } => Finding::Violation(format!("the journal does not know the file {file}")),
        Repair::Lost { file, name, .. } => {
            Finding::Violation(format!("{file} ({name}) is missing or not of the size it was written"))
        }
    }
}
