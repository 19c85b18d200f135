//! Tests of the parts together. The small ones stand beside the code.

pub mod ffmpeg;
mod gstreamer;
mod session;
mod sound;
mod watch;
