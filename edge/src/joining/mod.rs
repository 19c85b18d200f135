//! Recordings that are made of others: files of the app's own store that a node joins to one. Pure: what is asked and what
//! happens changes the [`Join`], and what has to be done comes back as [`Effect`]s. What comes of it stands in the app's index like
//! any other recording, so it is listed, kept and deleted as they are; while it lasts it takes a place of the app's quota. The files of
//! one recording, which a lost node has left in parts, are joined in the same way; there it is the recording's own row that changes.
//!
//! | what may happen | what follows |
//! |---|---|
//! | the node is lost, or restarts | it is asked again, and then another one: each begins anew, and writes an object of its own |
//! | there is no node, or none has room | it is looked for again, for an hour |
//! | the store asks to come later | it is tried again, some times |
//! | a file is no media | it has failed, and whoever is to be told is told why |
//! | the files of one recording cannot be joined | it keeps them, and its row says why |
//! | the recording is deleted meanwhile | the joined file is deleted as well |
//! | this object dies | its state is in its storage, and its alarm goes on with it |
//!
//! It may not know Cloudflare, how a node is reached, or a dialect.

mod contract;
mod news;
mod state;
#[cfg(test)]
mod tests;

pub use contract::{Answer, Effect, Event, Input, Order, Output, Part, Recorded, Reply, Request, Told, Waste};
pub use state::{Join, Terms, step};
