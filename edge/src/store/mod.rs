//! Stores: the table of their vendors, and how the configuration of one is read and checked. A customer names a store by way
//! of a dialect, the operator by the admin API; this folder knows neither. What is in a store is reached by addresses that are
//! signed in `link`.

mod bucket;
mod config;
mod keys;
pub(crate) mod link;
pub(crate) mod listing;
mod marks;
mod place;
mod terms;
mod vendors;

pub(crate) use config::read;
pub(crate) use keys::{MAX_KEY_LEN, key, session_ends_ms, session_token};
pub(crate) use terms::Terms;
