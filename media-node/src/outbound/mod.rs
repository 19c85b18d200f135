//! Connections to servers that a customer names: stores, images; and for any server how much of its answer is read, and why
//! there is none. It knows which addresses are private and sees to it that no name, redirect or spelling of an address leads
//! there unless the operator allows it. It does not know what is fetched or stored. Connections are made directly: with a proxy
//! in between, the proxy would look up the names.

mod body;
mod client;
mod fetch;
mod resolver;
mod targets;
#[cfg(test)]
mod tests;
mod transport;

pub use body::{BodyError, innermost_cause, read_body};
pub use client::Client;
pub use fetch::FetchError;
pub use targets::{Blocked, Targets};
