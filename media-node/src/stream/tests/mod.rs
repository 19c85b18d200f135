//! Tests of the parts together. The small ones stand beside the code.

mod aac;
mod av1;
mod beginning;
mod breaks;
mod calls;
pub(crate) mod fields;
mod h264;
mod h265;
mod jpeg;
mod latm;
mod mpeg_audio;
mod opus;
mod packets;
mod pcm;
mod random;
pub mod rtp;
mod timing;
mod vp8;
mod vp9;
