//! Reads what strangers wrote, JSON objects and addresses, and says which field is wrong. Knows no API's words.

mod address;
mod fields;

pub use address::Targets;
pub(crate) use address::{
    base_url, base_url_with_path, has_path, is_ip, plain_web_url, redact_web, stream_url, web_url,
};
pub(crate) use fields::{FieldError, Fields};
