//! Pictures of several sizes that a publisher sends at once, its layers (simulcast): which of them somebody gets, and how the way
//! from one to another does not show.
//!
//! `entry` finds where a layer can be entered, `entering` is the way in, `choice` says which one is wanted, `switch` makes one run of sequence numbers and
//! timestamps of them, and `thin` says what is left out of one; all five are pure. With these `conductor` makes of a publisher's layers the streams that recorders and
//! players by RTSP get, the best one and the smallest, `view` is what one player by WebRTC gets, and `sized` makes of that a stream
//! for who needs a certain size, `apart` one of all layers for another node. It does not know what carries packets to players, and decodes nothing.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod apart;
mod choice;
mod conductor;
mod entering;
mod entry;
mod sized;
mod switch;
mod target;
#[cfg(test)]
pub mod testing;
mod thin;
mod view;

pub use apart::apart;
pub use choice::{Area, Wish};
pub use conductor::{Conductor, conduct};
pub use entering::Entering;
pub use sized::sized;
pub use switch::{Numbered, Switch};
pub use thin::Thinner;
pub use view::View;

/// The most layers of one publisher; browsers send three.
pub const MAX_LAYERS: usize = 4;
