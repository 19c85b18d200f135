//! Who is in a channel, and where their streams are: the registry that the embedded channel server and the edge fill, the
//! route that tells it to recorders, and the sources from which a recorder learns the roster of its channel.
//! It knows neither RTSP nor media: to it a stream is a path and a URL.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod path;
mod registry;
mod routes;
mod source;

pub use path::{PathError, StreamPath};
pub use registry::{ChannelFull, Counts, Key, Limits, Listing, Media, MediaTrack, Origin, Registry};
pub use routes::routes;
pub use source::{Credentials, NodeAddresses, RosterError, RosterSource};
