//! Slices that are made of pieces, each of which can be read behind the slice's header, whatever stands before and behind it:
//! WebM with its clusters. How they are written, and what is left of one that was cut off.

mod clusters;
mod probe;
mod slices;

pub use clusters::BEGIN as WEBM_BEGIN;
pub use probe::{cut_slice, finish_slice};
pub use slices::PieceSlices;
