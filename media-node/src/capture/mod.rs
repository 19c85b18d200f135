//! One RTSP stream in, timed access units out.
//!
//! [`open`] runs a session and tells what it captures as [`StreamEvent`](crate::stream::StreamEvent)s on the recording's
//! timeline. `connect` opens it and `session` is the shell: sockets, time-outs, the bounded queue. `proxy` stands before sources that
//! others built, and `wish` is the way back to a source. What becomes of packets is `stream`'s.
//!
//! May not know: channels and rosters, files and containers, what a recording does with the units.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod connect;
mod keyframes;
mod outlet;
mod payload_types;
mod proxy;
mod request;
mod sdp;
mod session;
mod tolerance;
mod wish;

#[cfg(test)]
pub mod tests;

pub use request::{CaptureRequest, Transport, Wanted};
pub use session::open;
pub use wish::KeyframeWish;
