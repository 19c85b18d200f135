//! Who of one tenant's back ends is signed in, for APIs whose callers show a token that they were given before: each account has
//! one token at a time, and a new one ends the one before. Pure: a request and the time change the [`Gateway`]. It may not know
//! Cloudflare, a dialect, or how a caller proves who they are: what it is asked has been checked.
//!
//! Back ends that are signed in may listen to what happens in their apps: [`listener`] is one socket by which somebody does, and
//! [`feed`] is what happens in one app, numbered. In which words it is told is a dialect's.

mod account;
pub mod feed;
pub mod listener;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::access::hex;
use account::Account;

/// Accounts that are remembered of one tenant. Those whose token ended first make room.
const MAX_ACCOUNTS: usize = 256;

/// What the `Gateway` object can be asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The account's token is this one from now on.
    SignIn {
        account: String,
        /// Fresh and random.
        token: String,
        /// How long it is good for.
        lasts_ms: u64,
    },
    /// Whose token this is.
    Check { token: String },
    /// An account listens by this socket from now on, if the token is its own.
    Listen {
        account: String,
        token: String,
        listener: String,
    },
    /// It does not any more.
    Leave { account: String, listener: String },
}

/// The answer to a [`Request`]: `SignedIn` or `Busy` to the first, `Listens` or `Checked` to the third.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    SignedIn,
    /// The account signs in too often.
    Busy,
    Checked(Pass),
    Listens {
        /// The listener that has to make room.
        left: Option<String>,
    },
    Done,
}

/// What a token is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    Good {
        account: String,
    },
    /// It was good, and its time is over or a newer one has replaced it.
    Over,
    Unknown,
}

/// The accounts of one tenant, with digests of their tokens. Persisted as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    accounts: BTreeMap<String, Account>,
}

impl Gateway {
    pub fn answer(&mut self, request: Request, now_ms: u64) -> Reply {
        match request {
            Request::SignIn {
                account,
                token,
                lasts_ms,
            } => self.sign_in(account, &token, lasts_ms, now_ms),
            Request::Check { token } => Reply::Checked(self.check(&token, now_ms)),
            Request::Listen {
                account,
                token,
                listener,
            } => self.listen(&account, &token, listener, now_ms),
            Request::Leave { account, listener } => {
                if let Some(account) = self.accounts.get_mut(&account) {
                    account.leave(&listener);
                }
                Reply::Done
            }
        }
    }

    /// Nothing is known: it need not be kept.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    fn sign_in(&mut self, name: String, token: &str, lasts_ms: u64, now_ms: u64) -> Reply {
        let known = self.accounts.entry(name.clone()).or_default();
        if !known.may_sign_in(now_ms) {
            return Reply::Busy;
        }
        known.sign_in(digest(token), now_ms.saturating_add(lasts_ms));
        while self.accounts.len() > MAX_ACCOUNTS {
            let others = self.accounts.iter().filter(|(other, _)| **other != name);
            let Some(first) = others
                .min_by_key(|(_, account)| account.ends_ms())
                .map(|(name, _)| name.clone())
            else {
                break;
            };
            self.accounts.remove(&first);
        }
        Reply::SignedIn
    }

    fn listen(&mut self, name: &str, token: &str, listener: String, now_ms: u64) -> Reply {
        match self.check(token, now_ms) {
            Pass::Good { account } if account == name => match self.accounts.get_mut(name) {
                Some(account) => Reply::Listens {
                    left: account.listen(listener),
                },
                None => Reply::Checked(Pass::Unknown),
            },
            Pass::Good { .. } => Reply::Checked(Pass::Unknown),
            pass => Reply::Checked(pass),
        }
    }

    fn check(&self, token: &str, now_ms: u64) -> Pass {
        let digest = digest(token);
        let found = self.accounts.iter().find_map(|(name, account)| {
            let is_good = account.is_good(&digest, now_ms)?;
            Some((name, is_good))
        });
        match found {
            Some((name, true)) => Pass::Good { account: name.clone() },
            Some((_, false)) => Pass::Over,
            None => Pass::Unknown,
        }
    }
}

/// What is kept of a token: it cannot be shown by whoever reads it.
fn digest(token: &str) -> String {
    hex(&Sha256::digest(token))
}

/// The token is a secret.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignIn { account, .. } => f
                .debug_struct("SignIn")
                .field("account", account)
                .finish_non_exhaustive(),
            Self::Check { .. } => f.write_str("Check"),
            Self::Listen { account, listener, .. } => f
                .debug_struct("Listen")
                .field("account", account)
                .field("listener", listener)
                .finish_non_exhaustive(),
            Self::Leave { account, listener } => f
                .debug_struct("Leave")
                .field("account", account)
                .field("listener", listener)
                .finish(),
        }
    }
}
