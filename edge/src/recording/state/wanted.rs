use protocol::{Directive, EndCause};
use serde::{Deserialize, Deserializer, Serialize};

/// What is wanted of a recording as long as it is not over, by whoever has called for it and by the edge's own rules.
/// Whatever depends on it matches each variant, so that none is forgotten where another one is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    /// It captures, records and uploads.
    Record,
    /// It captures nothing until it is to record again.
    Pause,
    /// It captures no more and ends with this cause.
    Stop(EndCause),
}

impl Wanted {
    /// The cause with which the recording is to end; `None` as long as it is to go on.
    pub(crate) fn end_cause(self) -> Option<EndCause> {
        match self {
            Self::Record | Self::Pause => None,
            Self::Stop(cause) => Some(cause),
        }
    }

    /// Reads what was kept, also by an older edge: the cause with which the recording was told to end, or `null`.
    pub(super) fn read<'de, D: Deserializer<'de>>(kept: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Wanted(Wanted),
            EndCause(Option<EndCause>),
        }
        Ok(match Kept::deserialize(kept)? {
            Kept::Wanted(wanted) => wanted,
            Kept::EndCause(cause) => cause.map_or(Self::Record, Self::Stop),
        })
    }
}

impl From<Wanted> for Directive {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Record => Self::Record,
            Wanted::Pause => Self::Pause,
            Wanted::Stop(cause) => Self::Stop(cause),
        }
    }
}
