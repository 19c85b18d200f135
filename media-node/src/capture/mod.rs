//! One RTSP stream in, timed access units out.
//!
//! [`open`] runs a session and tells what it captures as [`StreamEvent`](crate::stream::StreamEvent)s on the recording's
//! timeline. `session` is the shell: sockets, time-outs, the bounded queue. `proxy` stands before sources that others built. What becomes
//! of packets is `stream`'s.
//!
//! May not know: channels and rosters, files and containers, what a recording does with the units.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod outlet;
mod proxy;
mod sdp;
mod session;
mod tolerance;

#[cfg(test)]
pub mod tests;

pub use session::{CaptureRequest, Transport, Wanted, open};
