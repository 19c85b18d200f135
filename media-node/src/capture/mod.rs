//! One RTSP stream in, timed access units out.

mod unit;

pub use unit::{AacFormat, AccessUnit, CaptureEnd, CaptureEvent, Format, H264Format, OpusFormat, Track};
