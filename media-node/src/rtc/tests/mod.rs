//! The server with clients of the same library: whole sessions over loopback.

mod calls;
mod fuzz;
mod media;
mod networks;
mod support;
