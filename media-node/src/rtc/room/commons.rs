use std::sync::Arc;

use tokio::runtime::Handle;

use super::news::News;
use crate::hub::Hub;
use crate::rtsp::Streams;
use crate::transcode::Transcoding;

/// What the rooms of this node share.
pub(super) struct Commons {
    pub(super) hub: Arc<Hub>,
    pub(super) streams: Streams,
    /// Makes sound that browsers cannot play what they can.
    pub(super) transcoding: Transcoding,
    pub(super) news: News,
    /// Where what is no connection's own runs: the threads of connections are kept for packets.
    pub(super) runtime: Handle,
}
