use crate::access::Denial;
use crate::channel::{ChannelFull, PathError};
use crate::hub::NoPlace;

use super::flv::TagError;

/// Why a publisher is not, or no longer, let in; it is told so, and its connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// As RTMP calls it.
    pub(super) code: &'static str,
    /// For a person.
    pub(super) reason: String,
}

impl Refusal {
    /// Nothing may be published there, or not by this client.
    pub(super) fn bad_name(reason: impl Into<String>) -> Self {
        Self {
            code: "NetStream.Publish.BadName",
            reason: reason.into(),
        }
    }

    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self {
            code: "NetStream.Failed",
            reason: reason.into(),
        }
    }
}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        Self::bad_name(format!(
            "{error}: publish to rtmp://host/{{app}}/{{channel}} with {{uid}} or {{uid}}/{{stream}} as the stream key"
        ))
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Stranger(reason) | Denial::Forbidden(reason) => Self::bad_name(reason),
            Denial::Undecided(reason) => Self::failed(reason),
        }
    }
}

impl From<NoPlace> for Refusal {
    fn from(error: NoPlace) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<ChannelFull> for Refusal {
    fn from(error: ChannelFull) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<TagError> for Refusal {
    fn from(error: TagError) -> Self {
        Self::failed(error.to_string())
    }
}
