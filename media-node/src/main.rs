//! The media node: captures, records and uploads.

// The recorder in this binary uses it.
#[cfg_attr(not(test), expect(dead_code, unused_imports))]
pub mod capture;

fn main() {}
