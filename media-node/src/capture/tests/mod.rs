//! Tests of the parts together. The small ones stand beside the code.

mod decoded;
pub mod ffmpeg;
mod gstreamer;
mod session;
mod sound;
mod watch;
