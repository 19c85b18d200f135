//! Brings what is in a spool to where it belongs: the customer's bucket, or a directory. It knows the spool, objects and
//! their content types; it does not know what is in a slice or how a playlist is written.
//!
//! Order, as the store sees it at every moment: a slice, then a playlist that names it. A file leaves the spool only
//! after the store has confirmed it and the journal says so. Failures are repeated for ever, with growing pauses: as long
//! as the spool holds, nothing is given up.

mod bucket;
mod fault;
mod proof;
mod schedule;
mod service;
mod signing;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod uploader;
mod writing;

pub use bucket::Bucket;
pub use proof::check;
pub use store::Store;
pub use tally::Tally;
pub use uploader::Uploader;
pub use writing::Writing;
