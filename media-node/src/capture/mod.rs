//! One RTSP stream in, timed access units out.
//!
//! [`open`] runs a session and tells what it captures as [`CaptureEvent`]s on the recording's timeline ([`Clock`]).
//! `session` is the shell: sockets, time-outs, the bounded queue. Below it everything is pure, a function of packets
//! with arrival times: `depacketize` (RTP payloads to access units, one file a codec), `lock` (encrypted units to clear ones), `timeline` and `decode_times`
//! (RTP timestamps to media time), `stream` (tracks held together by the sender's clock, [`UserClock`]).
//!
//! May not know: channels and rosters, files and containers, what a recording does with the units.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod clock;
mod decode_times;
mod depacketize;
mod lock;
mod opus;
mod outlet;
mod sdp;
mod session;
mod stream;
mod timeline;
mod track;
mod unit;
mod user_clock;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use opus::OpusHead;
pub use session::{CaptureRequest, Transport, Wanted, open};
pub use unit::{AacFormat, AccessUnit, CaptureEnd, CaptureEvent, Format, H264Format, OpusFormat, Track};
pub use user_clock::{Pace, UserClock};
