//! Connections to servers that a customer names: stores, images. It knows which addresses are private and sees to it that
//! no name, redirect or spelling of an address leads there unless the operator allows it. It does not know what is fetched
//! or stored. Connections are made directly: with a proxy in between, the proxy would look up the names.

mod client;
mod fetch;
mod resolver;
mod targets;
#[cfg(test)]
mod tests;
mod transport;

pub use client::Client;
pub use fetch::FetchError;
pub use targets::{Blocked, Targets};
