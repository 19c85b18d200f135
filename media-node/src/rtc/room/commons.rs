use std::sync::Arc;

use tokio::runtime::Handle;

use super::news::News;
use crate::hub::Hub;
use crate::rtsp::Streams;

/// What the rooms of this node share.
pub(super) struct Commons {
    pub(super) hub: Arc<Hub>,
    pub(super) streams: Streams,
    pub(super) news: News,
    /// Where what is no connection's own runs: the threads of connections are kept for packets.
    pub(super) runtime: Handle,
}
