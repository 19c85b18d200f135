//! Stores: the table of their vendors, and how the configuration of one is read and checked. A customer names a store by way
//! of a dialect, the operator by the admin API; this folder knows neither.

mod bucket;
mod config;
mod keys;
mod marks;
mod place;
mod terms;
mod vendors;

pub(crate) use config::read;
pub(crate) use keys::{MAX_KEY_LEN, key, session_ends_ms, session_token};
pub(crate) use terms::Terms;
