//! Slices in MPEG-TS: what is left of one that was cut off, and times in a transport stream.

mod padding;
mod probe;
mod timeline;

pub use padding::padding;
#[cfg(test)]
pub use probe::probe_slice;
pub use probe::{cut_slice, finish_slice};
#[cfg(test)]
pub use timeline::to_us;
pub use timeline::{MIN_MEDIA_US, to_ticks};
