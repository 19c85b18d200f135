use serde::{Deserialize, Serialize};

use crate::access::Method;

/// What was asked, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    Customer(Method),
    /// No dialect has such a path.
    Unrouted,
    Admin,
    Heartbeat,
    Report,
    Job,
    /// A node asks whether somebody may enter a channel.
    Entry,
    /// A node tells of its channels.
    Channels,
    /// A node asks where a channel lives.
    Follow,
    /// A node opens its line.
    Line,
    /// Below a node's paths, and none of them.
    Node,
    /// A playlist of an app's own store, by a link.
    Files,
    /// A customer opens a socket to listen.
    Listener,
    /// To publish or play by WebRTC.
    Rtc,
    /// A client opens a socket to a room, or a node tells of one.
    Room,
    Health,
    Metrics,
}

impl Route {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customer(method) => method.name(),
            Self::Unrouted => "unrouted",
            Self::Admin => "admin",
            Self::Heartbeat => "node_heartbeat",
            Self::Report => "node_report",
            Self::Job => "node_job",
            Self::Entry => "node_entry",
            Self::Channels => "node_channels",
            Self::Follow => "node_follow",
            Self::Line => "node_line",
            Self::Node => "node_other",
            Self::Files => "files",
            Self::Listener => "listener",
            Self::Rtc => "rtc",
            Self::Room => "room",
            Self::Health => "healthz",
            Self::Metrics => "metrics",
        }
    }
}
