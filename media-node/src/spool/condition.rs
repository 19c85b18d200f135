//! Whether the journal of a spool that nobody has open can be read.

use std::path::Path;

use super::apply::Contradiction;
use super::journal::{self, replay};
use super::listing::{self, Listing};
use super::state::State;
use super::{JOURNAL, SLICES, SpoolError};

/// What a spool that nobody has open is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No process has opened it.
    New,
    /// A process has opened it, and another one can go on with it.
    Begun,
    /// Its journal does not tell what it holds, and never will: by a sentence that says why.
    Damaged(String),
    /// The disk does not give its journal at this moment: by a sentence that says why.
    Unreadable(String),
}

/// The condition of the spool in `dir`; one that is not there is new. Changes nothing.
pub fn condition(dir: &Path) -> Condition {
    match read_state(dir) {
        Ok((state, _)) if state.openings == 0 => Condition::New,
        Ok(_) => Condition::Begun,
        Err(error @ SpoolError::Io { .. }) => Condition::Unreadable(error.to_string()),
        Err(error) => Condition::Damaged(error.to_string()),
    }
}

/// Capture has ended and the store has confirmed everything. False where that cannot be known.
pub fn is_done(dir: &Path) -> bool {
    read_state(dir).is_ok_and(|(state, _)| state.is_done())
}

/// What the journal says, and the files that are there.
pub(super) fn read_state(dir: &Path) -> Result<(State, Listing), SpoolError> {
    let path = dir.join(JOURNAL);
    // The files are listed first: a file committed in between is then in the journal at least.
    let listing = listing::list_if_there(&dir.join(SLICES))?;
    let replay = replay(&path, &journal::read(&path)?)?;
    if replay.entries.is_empty() && !listing.is_empty() {
        return Err(SpoolError::NoJournal(dir.to_owned()));
    }
    let state = State::from_entries(replay.entries).map_err(|Contradiction(what)| SpoolError::Contradiction(what))?;
    Ok((state, listing))
}
