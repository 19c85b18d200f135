//! Files that customers send, which are to become recordings. What comes is put into the app's own store in pieces, each of which is
//! confirmed once it is there, so that an upload which breaks goes on behind the last one, and nothing of it depends on a node. When
//! all has come, a node makes a recording of the pieces, which is [joining](crate::joining)'s affair.
//!
//! An upload comes as the body of one request, of which [`Form`] reads the file, or over a socket that may break and be opened
//! again, of which [`step`] keeps account.
//!
//! | what may happen | what follows |
//! |---|---|
//! | the socket breaks | the client opens another one, and goes on behind what has been confirmed |
//! | the client does not come back | after a while a recording is made of what has come |
//! | the store takes nothing | the piece is tried again; the client may send as much as fits into memory, and then has to wait |
//! | this object dies | what has been confirmed is in its storage and in the store; sockets are closed, and clients come again |
//!
//! It may not know Cloudflare, how a store is reached, or a dialect.

mod contract;
mod form;
mod pieces;
mod state;
#[cfg(test)]
mod tests;

pub use contract::{Effect, Event, Input, Opening, Output, Question, Reply, Request, Stage};
pub use form::Form;
pub use pieces::{MOST_BYTES, PIECES, Pieces, Put, parts, writing};
pub use state::{Kept, Upload, step};

/// Why an upload comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The request cannot be read, or is too large; the text is for its sender.
    Unfit(&'static str),
    /// The body broke off.
    Broken,
    /// The store has not taken a piece; the text is for the operator.
    Store(String),
}
