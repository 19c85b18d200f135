//! Flags that several commands have, and how their values are read.

pub(super) mod duration;
mod encoders;
mod recording;
mod rtmps;
pub(super) mod size;

pub(super) use encoders::EncoderArgs;
pub(super) use recording::RecordingArgs;
pub(super) use rtmps::RtmpsArgs;
