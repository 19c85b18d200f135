//! Slices in MPEG-TS: how they are written, what is left of one that was cut off, and times in a transport stream.

mod padding;
mod probe;
mod slices;
mod timeline;

pub use padding::RECOGNISED as SHORTEST_SLICE;
#[cfg(test)]
pub use probe::probe_slice;
pub use probe::{SliceProbe, cut_slice, finish_slice};
pub use slices::MpegTsSlices;
pub use timeline::{MIN_MEDIA_US, to_ticks, to_us};
