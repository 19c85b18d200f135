//! Brings what is in a spool to where it belongs: the customer's bucket or video-on-demand service, or a directory. It knows the spool, objects and
//! how long caches may keep them; what is in a slice, how a playlist is written and which media types they have it is told.
//!
//! Order, as the store sees it at every moment: a slice, then a playlist that names it. A file leaves the spool only
//! after the store has confirmed it and the journal says so. Failures are repeated for ever, with growing pauses: as long
//! as the spool holds, nothing is given up. A backup store, where there is one, takes over what the customer's does not
//! take for a while, with playlists of its own; what it holds is moved to the customer's when that is back.

mod answer;
mod bucket;
mod division;
mod fault;
mod formats;
mod headers;
mod hold;
mod objects;
mod pace;
mod proof;
mod rescue;
mod schedule;
mod schedules;
mod service;
mod signing;
mod store;
mod tally;
mod task;
#[cfg(test)]
mod tests;
mod uploader;
mod vod;
mod writing;

pub use bucket::Bucket;
pub use formats::Formats;
pub use objects::{fetch, put};
pub use proof::check;
pub use rescue::{Rescue, Rescued};
pub use schedule::is_refusal;
pub use store::Store;
pub use tally::Tally;
pub use uploader::{BackupStore, Uploader};
pub use vod::Vod;
pub use writing::Writing;
