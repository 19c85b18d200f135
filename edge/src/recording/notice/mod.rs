//! What has been told of each recording, and what waits to be: events for the customer's callback, which stay in an
//! outbox until they are delivered in their order, and incidents for the operator's history. Events and incidents go
//! into [rows](super::contract::Row), which are persisted together with the state that caused them and not read back by
//! the core: the [`Ledger`] only counts them. May not know what a recording is, how an event looks to a vendor, who
//! receives it, or where rows are kept.

mod announced;
mod ledger;
mod outbox;
mod pacing;

pub(crate) use announced::{Announced, ToldLease};
pub use ledger::{Ledger, Ledgers};
pub(crate) use outbox::Scribe;
pub use pacing::Pacing;
