//! Slices that are made of pieces, each of which can be read behind the slice's header, whatever stands before and behind it:
//! WebM with its clusters, MP4 with its fragments. How they are written, and what is left of one that was cut off.

mod clusters;
mod fragments;
mod probe;
mod slices;

pub use clusters::BEGIN as WEBM_BEGIN;
pub use fragments::FILE_TYPE as MP4_FILE_TYPE;
pub use probe::{cut_slice, finish_slice};
pub use slices::PieceSlices;
