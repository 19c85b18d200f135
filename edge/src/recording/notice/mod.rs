//! What is told of a recording: events for the customer's callback, which wait in an outbox until they are delivered in
//! their order, and incidents for the operator's history. Both are derived from the recordings' state by comparing it with
//! what has been told, so that no code path can forget them. May not know how an event looks to a vendor, who receives it,
//! or where rows are kept.
//!
//! Events and incidents go into [`Row`]s, which are persisted together with the state that caused them and not read back
//! by the core: the [`Ledger`] in the state only counts them.

mod event;
mod incident;
mod ledger;
mod log;
mod outbox;
mod pacing;
mod row;
mod told;

pub use event::{Event, Notice, Subject};
pub use incident::{Incident, What, Who};
pub use ledger::{Ledger, Ledgers};
pub(super) use ledger::{confirmed, delivered, flush, forget, hear, next_due, replay, settle};
pub use log::{LoggedNotice, NoticeState, Which};
pub use outbox::Delivery;
pub use pacing::Pacing;
pub use row::{Attempt, Row};
