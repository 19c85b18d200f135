use protocol::RtcReply;

use super::offer::OfferError;
use crate::access::Denial;
use crate::channel::PathError;
use crate::hub::NoPlace;
use crate::transcode::NotMade;

/// Seconds after which somebody may try again.
const RETRY_AFTER: &str = "5";
/// The same where nothing is wrong.
const SOON: &str = "2";

/// Why a call is not answered as it wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: u16,
    /// For a person.
    pub(super) reason: String,
    /// A header that belongs to the status.
    header: Option<(&'static str, &'static str)>,
}

impl Problem {
    pub(super) fn new(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            header: None,
        }
    }

    /// Nothing else is to be done there.
    pub(super) fn method(allowed: &'static str) -> Self {
        Self {
            header: Some(("Allow", allowed)),
            ..Self::new(405, format!("This path accepts {allowed}"))
        }
    }

    pub(super) fn not_now(reason: impl Into<String>) -> Self {
        Self {
            header: Some(("Retry-After", RETRY_AFTER)),
            ..Self::new(503, reason)
        }
    }

    /// What is asked for may begin at any time.
    pub(super) fn not_yet(reason: impl Into<String>) -> Self {
        Self {
            header: Some(("Retry-After", SOON)),
            ..Self::new(409, reason)
        }
    }

    /// As RFC 9457 writes it.
    pub(super) fn reply(self) -> RtcReply {
        let body = serde_json::json!({ "status": self.status, "detail": self.reason });
        let content_type = ("Content-Type", "application/problem+json");
        let headers = std::iter::once(content_type).chain(self.header);
        RtcReply {
            status: self.status,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: body.to_string(),
        }
    }
}

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        let status = match error {
            OfferError::Malformed(_) => 400,
            OfferError::NotTaken(_) => 422,
        };
        Self::new(status, capitalised(&error.to_string()))
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        let reason = format!(
            "{}: publish to /whip/{{app}}/{{channel}}/{{uid}}, play from /whep/{{app}}/{{channel}}/{{uid}}, with /{{stream}} behind it for \
             a stream other than the camera's",
            capitalised(&error.to_string())
        );
        Self::new(404, reason)
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Stranger(reason) => Self {
                header: Some(("WWW-Authenticate", "Bearer")),
                ..Self::new(401, capitalised(&reason))
            },
            Denial::Forbidden(reason) => Self::new(403, capitalised(&reason)),
            Denial::Undecided(reason) => Self::not_now(capitalised(&reason)),
        }
    }
}

impl From<NotMade> for Problem {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::Busy => Self::not_now(capitalised(&error.to_string())),
            NotMade::Failed(_) => Self::new(422, capitalised(&error.to_string())),
        }
    }
}

impl From<NoPlace> for Problem {
    fn from(error: NoPlace) -> Self {
        Self::not_now(capitalised(&error.to_string()))
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}
