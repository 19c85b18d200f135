use std::time::Duration;

use str0m::RtcError;

/// A client that is not heard for so long is gone: one that is there sends something each few seconds.
pub(super) const SILENCE: Duration = Duration::from_secs(15);
/// How long the connection may take.
pub(super) const CONNECTING: Duration = Duration::from_secs(15);

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the client has ended it")]
    Client,
    #[error("the client was not heard for {} s", SILENCE.as_secs())]
    Silent,
    #[error("the client has not connected within {} s: can it reach the addresses of this node's answer?", CONNECTING.as_secs())]
    NotConnected,
    #[error(
        "the client has not connected within {} s by UDP, by which alone this room is: where its network lets none through, the room \
         needs another protocol, by which TCP is tried as well",
        CONNECTING.as_secs()
    )]
    NoDatagrams,
    #[error("another publisher has taken the stream over, or its user was removed")]
    TakenOver,
    #[error("the stream that it played has ended")]
    StreamEnded,
    #[error("{0}")]
    OutOfOrder(&'static str),
    #[error("the channel token that let it in has ended")]
    Expired,
    #[error("the server ends")]
    Shutdown,
    #[error("it cannot be published: {0}")]
    NotPublished(String),
    #[error("the connection has failed: {0}")]
    Broken(RtcError),
}
