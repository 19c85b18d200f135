//! The server with clients of the same library: whole sessions over loopback.

mod calls;
mod media;
mod rooms;
mod support;
