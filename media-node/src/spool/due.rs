//! What a store does not have yet.

use std::path::PathBuf;

use super::content::Content;
use super::slice::Slice;

/// A file that the store has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueFile {
    /// Grows with each file of the recording.
    pub number: u64,
    pub content: Content,
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
}

/// How a playlist in a store lags behind what it could name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag<'a> {
    pub name: &'a str,
    /// How many slices the store's version was made of.
    pub named: usize,
    /// Nothing continues what it could name: its track has come to an end, or to a discontinuity.
    pub ends_stretch: bool,
    /// It has not its end mark and could have it.
    pub seals: bool,
}

/// A playlist whose newest state the store does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePlaylist {
    pub name: String,
    /// In the order of their times: the spool's own confirmed ones, from the first without a hole, and those of other
    /// spools. Where several nodes have captured at the same time, those that cover the most of it.
    pub slices: Vec<Slice>,
    /// How many of the spool's own slices were looked at,
    pub own: usize,
    /// and how many of other spools.
    pub learned: usize,
    /// Each state of it is the one before with more behind: no slice comes in between others, and none goes.
    pub only_grows: bool,
    /// Nothing will follow.
    pub ended: bool,
}
