//! Who of one tenant's back ends is signed in, for APIs whose callers show a token that they were given before: each account has
//! one token at a time, and a new one ends the one before. Pure: a request and the time change the [`Gateway`]. It may not know
//! Cloudflare, a dialect, or how a caller proves who they are: what it is asked has been checked.

mod account;
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
}

/// The answer to a [`Request`]: `SignedIn` or `Busy` to the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    SignedIn,
    /// The account signs in too often.
    Busy,
    Checked(Pass),
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
        }
    }
}
