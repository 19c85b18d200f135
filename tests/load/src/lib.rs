//! Clients of WebRTC that show nothing, and so are cheap: many of them load a server, or fill a room.

mod http;
pub mod janus;
pub mod node;
pub mod peer;
pub mod room;
pub mod usage;
