//! Tests of the parts together. The small ones stand beside the code.

mod aac;
mod beginning;
mod breaks;
mod h264;
mod latm;
mod mpeg_audio;
mod opus;
mod pcm;
mod random;
pub mod rtp;
mod timing;
