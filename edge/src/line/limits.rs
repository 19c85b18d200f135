//! How much one node may have under way.

/// Questions that wait for the node's answers: as many recordings as a large node takes can start at once.
pub(super) const MAX_QUESTIONS: usize = 256;
/// The texts of these together, in bytes.
pub(super) const MAX_QUESTION_BYTES: usize = 16 << 20;
/// The node's own questions that are being answered. A node keeps itself far below this.
pub(super) const MAX_ASKED: usize = 256;
/// Sockets whose node has not said hello. A node opens one after another.
pub(super) const MAX_STRANGERS: usize = 4;
/// The longest time that a question may wait for its answer.
pub(super) const LONGEST_WAIT_MS: u64 = 120_000;
