use serde::{Deserialize, Serialize};

/// How long a start may take before it counts as lost: longer than any answer is waited for.
const BEGIN_MS: u64 = 120_000;
/// The pause before another try, doubling from the first to the longest.
const FIRST_PAUSE_MS: u64 = 2_000;
const LONGEST_PAUSE_MS: u64 = 300_000;

/// The automatic recording of a channel: it begins with the first user, and ends by itself when the channel has been idle.
#[derive(Clone, Debug, Default)]
pub(super) struct Automatic {
    state: State,
    /// Tries that failed in a row.
    failures: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nobody has been in the channel, or it is not known what came of it.
    #[default]
    None,
    Beginning {
        until_ms: u64,
    },
    Waiting {
        until_ms: u64,
    },
    /// Nobody wants one.
    Off,
    Kept(Recorded),
}

/// What came of the start of an automatic recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The app has none.
    Unwanted,
    /// This one runs, since now or since before.
    Runs { sid: String },
    /// None could be started; the log says why.
    Failed,
}

/// What is kept of an automatic recording until its channel is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub sid: String,
    /// Somebody has stopped it, so that none begins before the next first user.
    pub stopped: bool,
}

impl Automatic {
    pub(super) fn restore(recorded: Recorded) -> Self {
        Self {
            state: State::Kept(recorded),
            failures: 0,
        }
    }

    pub(super) fn kept(&self) -> Option<&Recorded> {
        match &self.state {
            State::Kept(recorded) => Some(recorded),
            _ => None,
        }
    }

    /// Whether one has to be begun now; it is taken to be under way then.
    pub(super) fn settle(&mut self, is_empty: bool, now_ms: u64) -> bool {
        if is_empty {
            *self = Self::default();
            return false;
        }
        let begins = match self.state {
            State::None => true,
            State::Beginning { until_ms } | State::Waiting { until_ms } => now_ms >= until_ms,
            State::Off | State::Kept(_) => false,
        };
        if begins {
            let until_ms = now_ms.saturating_add(BEGIN_MS);
            self.state = State::Beginning { until_ms };
        }
        begins
    }

    pub(super) fn begun(&mut self, begun: Begun, now_ms: u64) {
        if !matches!(self.state, State::Beginning { .. }) {
            return;
        }
        self.state = match begun {
            Begun::Unwanted => State::Off,
            Begun::Runs { sid } => {
                self.failures = 0;
                State::Kept(Recorded { sid, stopped: false })
            }
            Begun::Failed => {
                let pause_ms = FIRST_PAUSE_MS.saturating_mul(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX));
                self.failures = self.failures.saturating_add(1);
                let until_ms = now_ms.saturating_add(pause_ms.min(LONGEST_PAUSE_MS));
                State::Waiting { until_ms }
            }
        };
    }

    /// A recording of the channel has ended.
    pub(super) fn ended(&mut self, sid: &str, stopped: bool, now_ms: u64) {
        let State::Kept(recorded) = &mut self.state else {
            return;
        };
        if recorded.sid != sid || recorded.stopped {
            return;
        }
        if stopped {
            recorded.stopped = true;
        } else {
            // Somebody has come while it was ending.
            let until_ms = now_ms.saturating_add(FIRST_PAUSE_MS);
            self.state = State::Waiting { until_ms };
        }
    }

    pub(super) fn next_ms(&self) -> Option<u64> {
        match self.state {
            State::Beginning { until_ms } | State::Waiting { until_ms } => Some(until_ms),
            State::None | State::Off | State::Kept(_) => None,
        }
    }
}
