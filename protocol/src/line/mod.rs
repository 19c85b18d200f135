//! The line between a node and the edge: one WebSocket, which the node opens at [`PATH`] with its token as `Authorization:
//! Bearer` and its id as `?node=`, so that nothing has to reach the node. All that edge and node say to one another goes over
//! it, as JSON text, one [`Message`] a frame.
//!
//! Both sides begin with a [`Message::Hello`]; what comes before the other's is refused. Either side asks when it likes, under
//! ids of its own, and is answered in any order, or not at all when the line breaks: who asks has a deadline. A kind of message
//! that a side does not know is answered with a [`Refusal`], by what [`Unread`] finds in it.
//!
//! | asked by | question | answer |
//! |---|---|---|
//! | node | [`NodeAsk::Beat`] | [`EdgeAnswer::Beat`] |
//! | node | [`NodeAsk::Report`] | [`EdgeAnswer::Report`] |
//! | node | [`NodeAsk::Keep`] | [`EdgeAnswer::Kept`] |
//! | node | [`NodeAsk::Job`] | [`EdgeAnswer::Job`] |
//! | node | [`NodeAsk::Entry`] | [`EdgeAnswer::Entry`] |
//! | node | [`NodeAsk::Channels`] | [`EdgeAnswer::Channels`] |
//! | node | [`NodeAsk::Follow`] | [`EdgeAnswer::Follow`] |
//! | node | [`NodeAsk::Room`] | [`EdgeAnswer::Noted`] |
//! | edge | [`EdgeAsk::Job`] | [`NodeAnswer::Report`] |
//! | edge | [`EdgeAsk::Desired`] | [`NodeAnswer::Report`] |
//! | edge | [`EdgeAsk::Roster`] | [`NodeAnswer::Roster`] |
//! | edge | [`EdgeAsk::Elsewhere`] | [`NodeAnswer::Noted`] |
//! | edge | [`EdgeAsk::Live`] | [`NodeAnswer::Live`] |
//! | edge | [`EdgeAsk::Remove`] | [`NodeAnswer::Removed`] |
//! | edge | [`EdgeAsk::Rtc`] | [`NodeAnswer::Rtc`] |
//! | edge | [`EdgeAsk::Room`] | [`NodeAnswer::Room`] |
//! | edge | [`EdgeAsk::Join`], [`EdgeAsk::Import`] | [`NodeAnswer::Joined`] |
//! | edge | [`EdgeAsk::Playback`] | [`NodeAnswer::Playback`] |
//!
//! From version [`NODE_LEASE`] on, a node has one lease on each line: it begins with the edge's hello, counts on the node from
//! when the newest [`PING`] that was answered had been sent (before the first one: from when its own hello had been), and is over [`EdgeHello::lease_ms`]
//! later. A recording shares in it from an [answer](crate::ReportAnswer::node_lease) over this line that says so; the lease of
//! one line says nothing of what was answered over another one.
//!
//! A question may be one that only nodes from a certain version on can do justice to: the edge then asks no older one.
//!
//! May not know the edge or the node: it is the words between them.

mod hello;
mod message;
mod question;
mod versions;

pub use hello::{EdgeHello, Identity, NodeHello};
pub use message::{FromEdge, FromNode, Message, Unread, UnreadPart, carried};
pub use question::{Beat, Desire, EdgeAnswer, EdgeAsk, NodeAnswer, NodeAsk, RosterQuestion};
pub use versions::{NEWEST, Versions};

pub use crate::version::{NODE_LEASE, OLDEST, OUTPUTS, SCENES};

#[cfg(doc)]
use crate::Refusal;

/// The path of the line at the edge.
pub const PATH: &str = "/node/v1/line";

/// The parameter of the query that names the node. It is what [`Identity::node_id`] says again.
pub const NODE_PARAMETER: &str = "node";

/// A node sends this text frame, which is no message, to learn whether the line still carries, and to renew its lease. The
/// edge's platform answers it with [`PONG`] by itself. A node sends none before the last one is answered.
pub const PING: &str = "ping";

/// The answer to [`PING`].
pub const PONG: &str = "pong";

/// The longest message, in bytes: as long as a body over HTTP may be.
pub const MAX_MESSAGE_BYTES: usize = crate::MAX_MESSAGE_BYTES;

/// The code with which a line is closed in whose place the same node has opened another one.
pub const CLOSED_REPLACED: u16 = 4_001;

/// The code with which a line is closed after a [`Message::Refused`].
pub const CLOSED_REFUSED: u16 = 4_002;

/// The code with which a line is closed over which no ping has come for the length of a lease.
pub const CLOSED_SILENT: u16 = 4_003;

/// The longest reason that fits into the frame that closes a WebSocket, in bytes.
pub const MAX_CLOSE_REASON_BYTES: usize = 123;
