//! The media node: captures, records and uploads.

pub mod capture;

fn main() {}
