//! The media plane: one native program that serves channels, records them and uploads what it recorded.

mod backoff;
mod clock;
mod spool;
mod upload;

fn main() {}
