//! Tests of the parts together. The small ones stand beside the code.

mod aac;
mod breaks;
mod ffmpeg;
mod h264;
mod latm;
mod opus;
mod random;
mod rtp;
mod session;
mod timing;
mod watch;
