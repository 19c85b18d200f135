//! The server with clients of the same library: whole sessions over loopback.

mod calls;
mod codecs;
mod encrypted;
mod fuzz;
mod layers;
mod media;
mod middle;
mod narrow;
mod networks;
mod offers;
mod rooms;
mod strained;
mod support;
mod turned;
