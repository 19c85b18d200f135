//! The Durable Objects. What is the same in all of them is the `host`'s; each has a folder that says what it is asked and
//! replies, what its core is, and how that is persisted. An object decides nothing, and renders nothing for people.

mod app;
mod app_of;
mod ask;
mod carried;
mod channel;
mod channel_of;
mod channel_questions;
mod clearing;
pub(super) mod counting;
mod feed;
mod feed_of;
mod fleet;
mod fleet_of;
pub(super) mod from_nodes;
mod gateway;
mod host;
mod joiner;
mod line;
mod line_of;
mod listener;
mod listener_of;
mod lobby;
mod node;
mod platform;
mod recorder;
mod relaying;
mod room;
mod room_of;
mod sockets;
mod sql;
mod upload;

pub(super) use app_of::AppOf;
pub(super) use ask::{ask, open, unavailable};
pub(super) use channel_questions::carriers;
pub(super) use fleet_of::FleetOf;
pub(super) use gateway::Gateway;
pub(super) use joiner::Joiner;
pub(super) use line_of::LineOf;
pub(super) use listener::LISTENER_PARAMETER;
pub(super) use listener_of::ListenerOf;
pub(super) use lobby::LobbyOf;
pub(super) use node::Node;
pub(super) use recorder::{Recorder, Reply as RecorderReply, Request as RecorderRequest};
pub(super) use room_of::RoomOf;
pub(super) use upload::Upload;
