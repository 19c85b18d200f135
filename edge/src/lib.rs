//! The control plane: it decides who may record what, knows the state of each recording, and finds a media node for it.
//!
//! Everything but `worker` is pure and runs natively: time and randomness are arguments, effects are data.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod access;
pub mod admin;
pub mod app;
#[cfg(test)]
mod chance;
pub mod channel;
pub mod dialect;
pub mod erasing;
pub mod fleet;
pub mod gateway;
pub mod handing;
pub mod http;
pub mod input;
pub mod joining;
pub mod line;
pub mod metrics;
pub mod node;
pub mod object;
pub mod recording;
pub mod room;
pub mod rtc;
mod store;
pub mod upload;
#[cfg(target_arch = "wasm32")]
mod worker;
