//! How much one node may have under way.

/// Questions that wait for the node's answers: as many recordings as a large node takes can start at once.
pub(super) const MAX_QUESTIONS: usize = 256;
/// The texts of these together, in bytes.
pub(super) const MAX_QUESTION_BYTES: usize = 16 << 20;
/// The node's own questions that are being answered. A node keeps itself far below this.
pub(super) const MAX_ASKED: usize = 256;
/// Sockets whose node has not said hello. A node opens one after another.
pub(super) const MAX_STRANGERS: usize = 4;
/// Recordings that one node is known to hold: the oldest edges ask for no more than a node takes.
pub(super) const MAX_HELD: usize = 10_000;
/// A report of this many bytes or more is not kept: it is given to its recorder at once.
pub(super) const MAX_KEPT_BYTES: usize = 1_000_000;
/// The longest time that a question may wait for its answer.
pub(super) const LONGEST_WAIT_MS: u64 = 120_000;

/// How often the fleet hears that the node's line is open, at most; it is told before that when there is something to do anyway.
pub(super) const VOUCH_MS: u64 = 10_000;
pub(super) const EARLY_VOUCH_MS: u64 = 8_000;
/// How often a node with a lease sends a beat without news. What it vouches by is its line.
pub(super) const BEAT_EVERY_MS: u64 = 60_000;

/// What the edge adds to a node's lease before it takes the lease for over: clocks are coarse, and do not run alike.
pub(super) const MARGIN_MS: u64 = 1_000;
/// How long it takes until a socket that the edge closes is closed for certain, so that no further ping is answered; and the time
/// between two looks at a line that is silent, so that one who has slept hears first what was said meanwhile.
pub(super) const SETTLE_MS: u64 = 1_000;

/// Recorders that are told of a loss in each second, at least: each looks for another node at once, and those have to start what
/// they are given.
pub(super) const TELL_A_SECOND: usize = 10;
/// In each second it is this part of those that are left, if that is more: a node with many recordings has lost all of them
/// within some ten seconds too.
pub(super) const TELL_PART: usize = 5;
/// Recorders that are being told at once.
pub(super) const MAX_TELLING: usize = 64;
/// The pause before a recorder that could not be told is told again; it doubles with each failure up to the longest.
pub(super) const TELL_PAUSE_MS: u64 = 1_000;
pub(super) const LONGEST_TELL_PAUSE_MS: u64 = 30_000;
