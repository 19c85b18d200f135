//! What the peers of rooms send and get. A peer is a user of the channel that is called like the room, so that whoever plays or
//! records the channel has the room's media, and whoever publishes there by other means is seen in the room. It knows neither who
//! may join, nor how a connection is begun, nor what clients and the edge say to one another.

mod commons;
mod key;
mod limit;
mod news;
mod origins;
mod pairs;
mod playing;
mod publishing;
mod ration;
mod roll;
mod seek;
mod sent;
mod share;
mod slot;
mod source;
mod speakers;
mod tracks;
mod wish;

pub(super) use key::Key;
pub(super) use news::News;
pub(super) use playing::{PeerPlaying, PlayStep};
pub(super) use publishing::{PeerPublishing, PublishStep};
pub(super) use roll::{Presence, Roll};
pub(super) use wish::{Sources, Wish};
