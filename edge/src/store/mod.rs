//! Stores: the table of their vendors, and how the configuration of one is read and checked. Whoever names a store uses it, a
//! customer by way of a dialect or the operator, so it knows neither.

mod config;
mod vendors;

pub(crate) use config::{MAX_KEY_LEN, Terms, key, read, session_ends_ms, session_token};
