//! Tests of the parts together. The small ones stand beside the code.

mod decoded;
mod ffmpeg;
mod gstreamer;
mod session;
mod watch;
