//! The server with clients of the same library: whole sessions over loopback.

mod calls;
mod codecs;
mod layers;
mod media;
mod rooms;
mod support;
