use serde::{Deserialize, Serialize};

/// Tokens that are known to have been good, the newest: whoever shows an older one is not told that it was.
const MAX_FORMER: usize = 16;
/// Tokens that an account may be given in a second.
const MOST_A_SECOND: u32 = 10;
/// Sockets by which one account listens: a back end has some, and each page of its operators one.
pub(super) const MAX_LISTENERS: usize = 32;

/// One account, and the digest of the token that it has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    token: String,
    ends_ms: u64,
    former: Vec<String>,
    /// The second in which it signed in last, and how often it has in that.
    second: u64,
    count: u32,
    /// Who listens in its name, the newest last.
    #[serde(default)]
    listeners: Vec<String>,
}

impl Account {
    /// Returns the oldest listener if there are too many: one that went away without a word makes room so.
    pub(super) fn listen(&mut self, listener: String) -> Option<String> {
        self.leave(&listener);
        self.listeners.push(listener);
        (self.listeners.len() > MAX_LISTENERS).then(|| self.listeners.remove(0))
    }

    pub(super) fn leave(&mut self, listener: &str) {
        self.listeners.retain(|known| known != listener);
    }

    /// Counts a wish to sign in.
    pub(super) fn may_sign_in(&mut self, now_ms: u64) -> bool {
        let second = now_ms / 1_000;
        if self.second != second {
            (self.second, self.count) = (second, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= MOST_A_SECOND
    }

    pub(super) fn sign_in(&mut self, token: String, ends_ms: u64) {
        let former = std::mem::replace(&mut self.token, token);
        if !former.is_empty() {
            self.former.push(former);
        }
        let excess = self.former.len().saturating_sub(MAX_FORMER);
        self.former.drain(..excess);
        self.ends_ms = ends_ms;
    }

    pub(super) fn ends_ms(&self) -> u64 {
        self.ends_ms
    }

    /// Whether this token of the account is good; `None` when it is none.
    pub(super) fn is_good(&self, token: &str, now_ms: u64) -> Option<bool> {
        if self.token == token {
            return Some(now_ms < self.ends_ms);
        }
        self.former.iter().any(|former| former == token).then_some(false)
    }
}
