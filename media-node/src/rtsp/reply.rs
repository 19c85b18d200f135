//! Answers to requests.

use rtsp_types::headers::{self, HeaderName};
use rtsp_types::{Request, Response, StatusCode, Version};

use crate::access::Denial;
use crate::hub::NoPlace;

/// The methods of this server, as `Public` and `Allow` list them.
pub(super) const METHODS: &str =
    "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, PAUSE, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

pub(super) type Answer = Result<Reply, Refusal>;

/// What a granted request is answered with, beside its status.
#[derive(Debug, Default)]
pub(super) struct Reply {
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// Why a request is not granted.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// For a person; it stands where the status is spelled out.
    reason: String,
    header: Option<(HeaderName, String)>,
}

impl From<NoPlace> for Refusal {
    fn from(reason: NoPlace) -> Self {
        Self::new(StatusCode::ServiceUnavailable, reason.to_string())
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Stranger(reason) => Self::new(StatusCode::Unauthorized, reason)
                .with_header(headers::WWW_AUTHENTICATE, r#"Basic realm="tapedeck""#),
            Denial::Forbidden(reason) => Self::new(StatusCode::Forbidden, reason),
            Denial::Undecided(reason) => Self::new(StatusCode::ServiceUnavailable, reason),
        }
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            header: None,
        }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BadRequest, reason)
    }

    pub(super) fn not_found(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::NotFound, reason)
    }

    /// 455: what was asked for does not fit what went before.
    pub(super) fn wrong_state(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::MethodNotValidInThisState, reason)
    }
}

/// The whole answer to `request`.
pub(super) fn respond(request: &Request<Vec<u8>>, answer: Answer) -> Response<Vec<u8>> {
    let (mut builder, body) = match answer {
        Ok(reply) => {
            let builder = Response::builder(Version::V1_0, StatusCode::Ok).reason_phrase("OK");
            (
                reply
                    .headers
                    .into_iter()
                    .fold(builder, |builder, (name, value)| builder.header(name, value)),
                reply.body,
            )
        }
        Err(refusal) => {
            let reason = refusal.reason.replace(|c: char| c.is_control() || !c.is_ascii(), " ");
            let builder = Response::builder(Version::V1_0, refusal.status).reason_phrase(reason);
            let builder = refusal
                .header
                .into_iter()
                .fold(builder, |builder, (name, value)| builder.header(name, value));
            (builder, Vec::new())
        }
    };
    if let Some(cseq) = request.header(&headers::CSEQ) {
        builder = builder.header(headers::CSEQ, cseq.as_str());
    }
    builder.header(headers::SERVER, "tapedeck").build(body)
}
