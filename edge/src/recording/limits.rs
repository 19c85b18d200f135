//! How much, how often and for how long: what the deployment decides, and what is fixed.

/// What the deployment decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A node that has not been heard of for so long has lost its lease, and another one is looked for.
    pub lease_ms: u64,
    /// A recording that has had no node for so long ends.
    pub lost_ms: u64,
    /// A caller who stops a recording is answered after so long at the latest, also when uploads go on.
    pub stop_ms: u64,
    /// Media that is still on a node is waited for so long after the recording's end, if its resource expires before.
    pub await_ms: u64,
}

impl Policy {
    /// How long a node may take to answer a stop: the time in which most recordings upload their last slices.
    pub(crate) fn node_stop_ms(self) -> u64 {
        self.stop_ms.saturating_sub(STOP_WAYS_MS)
    }

    /// After so long a caller who stops a recording is answered without the node.
    pub(crate) fn stop_limit_ms(self) -> u64 {
        self.stop_ms.saturating_sub(STOP_WAY_MS)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            lease_ms: 10_000,
            lost_ms: 1_800_000,
            stop_ms: 8_000,
            await_ms: 30 * 24 * 3_600_000,
        }
    }
}

/// How long a resource ID is good for a start, and somewhat more for what was under way then.
pub(crate) const TICKET_MEMORY_MS: u64 = (5 * 60 + 60) * 1_000;
/// Callers that may wait for the same start.
pub(crate) const MAX_STARTERS: usize = 16;
/// Starts of one recorder within the life of a resource ID.
pub(crate) const MAX_SPENT: usize = 256;

/// Nodes that are asked before a start is refused.
pub(crate) const MAX_ATTEMPTS: usize = 3;
/// Once a start has taken so long, no further node is asked.
pub(crate) const START_BUDGET_MS: u64 = 15_000;
/// Nodes that are asked before a search for a replacement pauses.
pub(crate) const MAX_ROUND: usize = 8;
/// After so long without an answer from the fleet or a node, the question was lost in a crash.
pub(crate) const OFFER_LIMIT_MS: u64 = 20_000;
/// The pause of a search after the first round in vain; it doubles with each,
pub(crate) const SEARCH_PAUSE_MS: u64 = 1_000;
/// up to this while media is being missed,
pub(crate) const MISSING_PAUSE_MS: u64 = 4_000;
/// up to this when playlists only wait for their end,
pub(crate) const ENDING_PAUSE_MS: u64 = 60_000;
/// and up to this when nobody can ask about the recording any more.
pub(crate) const AWAY_PAUSE_MS: u64 = 900_000;

/// A successor that has had so long gets the lease, even if it has not found all that the holder records.
pub(crate) const COVER_LIMIT_MS: u64 = 10_000;
/// A recording that was told to end waits only so long for a node that ends it, when its own was lost.
pub(crate) const ORDERED_LOST_MS: u64 = 90_000;
/// When a lost node that is back has told nothing for so long, it has most likely told everything.
pub(crate) const QUIET_MS: u64 = 5_000;

/// What is kept of the time for a stop's answer for its way to the caller,
pub(crate) const STOP_WAY_MS: u64 = 500;
/// and for that and the way to the node and back.
pub(crate) const STOP_WAYS_MS: u64 = 1_500;

/// Problems that are kept, the newest.
pub(crate) const MAX_PROBLEMS: usize = 16;
/// Playlists that are kept of one recording, and of all recordings of a recorder together: with the longest names some
/// megabytes.
pub(crate) const MAX_FILES: usize = 2_000;
/// The most bytes of JSON that the files of one event may have: it is one row, which may have 2 MB, and goes to a callback. With
/// names of 200 characters all files that are kept fit.
pub(crate) const MAX_EVENT_FILES_BYTES: usize = 1_000_000;
/// The longest name of an object that is kept, as long as stores allow, prefix included;
pub(crate) const MAX_NAME_BYTES: usize = 1_024;
/// and the longest uid of a user, or id of a video. A channel server's are up to 255 bytes long.
pub(crate) const MAX_ID_BYTES: usize = 256;
/// Longest text of a problem or a refusal, and longest code, that is kept of what a node tells.
pub(crate) const MAX_TEXT_BYTES: usize = 2_000;
pub(crate) const MAX_CODE_BYTES: usize = 64;
/// The longest slice that is kept, in bytes of JSON. What one report tells of slices is one row, and stays below 2 MB by it.
pub(crate) const MAX_SLICE_BYTES: usize = 8_000;
/// Slices of one recording. Two users' audio and video over two weeks are as many.
pub(crate) const MAX_SLICES: u64 = 500_000;
/// Nodes that were to follow and are told that they do not.
pub(crate) const MAX_DISMISSED: usize = 4;
/// The pause before a node is told again what it has not been heard to know, beyond the time that it may take to answer; it
/// doubles with each try
pub(crate) const TELL_PAUSE_MS: u64 = 6_000;
/// up to this.
pub(crate) const LONGEST_TELL_PAUSE_MS: u64 = 60_000;
/// A line by which a node holds a recording is asked whether it is lost when nothing has come over it for so long: its loss is
/// told without being asked, but for what goes wrong on the way.
pub(crate) const LOOK_AFTER_MS: u64 = 300_000;
/// Nodes that may ask for a recording's job; those that may never have taken it make room first.
pub(crate) const MAX_MEMBERS: usize = 256;
/// Spools that are remembered one by one. What a forgotten one tells again, the nodes know by its name.
pub(crate) const MAX_SPOOLS: usize = 64;

/// A recording that outlived its resource is kept for so long after its end, to publish how it ended.
pub(crate) const AFTERLIFE_MS: u64 = 600_000;
/// Recordings that are over and kept for queries; the oldest make room.
pub(crate) const MAX_OVER: usize = 32;
/// Recordings that are kept for nothing but media that is still on a node; the oldest make room.
pub(crate) const MAX_AWAITED: usize = 64;
/// How long a session document can be read after its resource has expired.
pub(crate) const RETENTION_MS: u64 = 7 * 24 * 3_600_000;

/// After so long a publication whose end was not heard of is repeated.
pub(crate) const WRITE_LIMIT_MS: u64 = 15_000;
/// The pause after the first publication that failed; it doubles with each up to the longest.
pub(crate) const WRITE_PAUSE_MS: u64 = 2_000;
pub(crate) const LONGEST_WRITE_PAUSE_MS: u64 = 60_000;
/// The app is told of a recording that is not over when it hears something anyway, if that was so long ago,
pub(crate) const RENEWAL_MS: u64 = 55_000;
/// and after so long in any case: well before the app takes it for gone.
pub(crate) const LATEST_RENEWAL_MS: u64 = 150_000;

/// Between two events about the progress of uploads.
pub(crate) const PROGRESS_EVERY_MS: u64 = 60_000;
/// Between two events about calls that did not fit.
pub(crate) const MISFIT_EVERY_MS: u64 = 10_000;
/// The files that are listed by an event which tells how a recording stands.
pub(crate) const MAX_EVENT_FILES: usize = 32;

pub(crate) fn after(time_ms: u64, duration_ms: u64) -> u64 {
    time_ms.saturating_add(duration_ms)
}
