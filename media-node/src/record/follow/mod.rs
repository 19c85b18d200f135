//! Follows a channel: from the roster and the subscription to open streams. It knows users, their streams, and how streams
//! are opened, closed and opened again. It does not know what becomes of what they bring: that is a [`Recorder`]'s part.
//!
//! `plan` says which streams are wanted; `engine` follows roster and desired state and keeps a task for each wanted user;
//! `session` runs a user's sessions, and `sized` has the picture of one in the size in which it is shown. `ports` is what the channel is followed by, `recorder` what takes what is captured, and
//! `shared` what all tasks work with. All but `engine` and `session` are free of tasks and sockets.

mod engine;
mod plan;
mod ports;
mod recorder;
mod session;
mod shared;
mod sized;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod trouble;
mod user;

pub use engine::{refuse, run};
pub use plan::Plan;
pub use ports::Rtsp;
pub use recorder::{Closed, Inlet, Input, Recorder};
pub use shared::{Presence, Shared};
