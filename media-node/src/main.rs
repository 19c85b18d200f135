//! The media plane: one native program that serves channels, records them and uploads what it recorded.

mod spool;

fn main() {}
