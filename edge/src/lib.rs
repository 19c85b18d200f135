//! x
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod access;
pub mod admin;
pub mod dialect;
pub mod http;
mod input;
pub mod recording {
    mod command;
    pub use command::*;
}
