//! Tests of the parts together. The small ones stand beside the code.

mod aac;
mod ffmpeg;
mod h264;
mod latm;
mod opus;
mod rtp;
mod session;
mod stream;
mod watch;
