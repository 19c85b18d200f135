//! Who may publish to a channel and play from it, by whichever protocol they come: the bearers of the operator's keys, recorders by
//! their passes, and whoever the edge lets in, which is asked once and whose answer is remembered for as long as it holds.
//! It knows neither how clients say what they show, nor how the edge is reached.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod gate;
mod grant;
mod keys;
mod memory;
mod pass;
mod shown;
mod throttle;

pub use gate::{Asked, Edge, Gate, Wish};
pub use grant::{Denial, Grant, Kinds};
pub use keys::Keys;
pub use pass::Passes;
pub use shown::{Shown, without_slash};
pub use throttle::network;

/// What somebody wants to do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Publish,
    Play,
}

/// Whose streams they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub app: String,
    pub channel: String,
    pub uid: String,
}
