//! The server with clients that nobody here wrote (FFmpeg, GStreamer, retina), and with a bare client that can misbehave.
//! Each test has a server on a port of its own.

pub(crate) mod fuzz;
mod interop;
mod keyframes;
mod keys;
mod leaving;
mod limits;
mod link;
mod load;
mod protocol;
mod raw;
mod recorded;
mod relay;
mod robustness;
mod silence;
mod support;
mod tokens;
