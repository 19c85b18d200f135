//! What the edge knows of one media node apart from all others: the tokens that it may show, and what it is shown in turn.
//! Pure: a [`Node`] answers a [`Request`] and says whether it has changed. It may not know Cloudflare, what nodes say to the
//! edge, or how secrets are sealed.

mod caller;
mod tokens;

use serde::{Deserialize, Serialize};

pub use caller::{Caller, Shown, unauthorized};
pub use tokens::{Held, Node, TokenView};

/// What the `Node` object can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Whether a node that shows this is let in.
    Admit(Shown),
    /// Let in the bearer of this token from now on.
    Add(Held),
    /// Let its bearer in no more.
    Revoke {
        id: String,
    },
    Tokens,
    /// What calls of the node have to show.
    CallKeys,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Why the node is not let in, if it is not.
    Admitted(Result<(), String>),
    /// Whether there was room for the token.
    Added(bool),
    /// Whether there was such a token.
    Revoked(bool),
    /// The oldest first.
    Tokens(Vec<TokenView>),
    /// Sealed, in the order in which they are to be tried. `None` when the node shows the token that all nodes share.
    CallKeys(Option<Vec<String>>),
}
