use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Secret;

/// The path below which sessions are, each behind its node.
pub const RTC_SESSIONS: &str = "/rtc/v1/sessions/";

/// The type of an offer and of its answer.
pub const SDP_TYPE: &str = "application/sdp";

/// The type of what a client tells of its networks after that.
pub const SDP_FRAGMENT_TYPE: &str = "application/trickle-ice-sdpfrag";

/// The headers by which pages of any origin may call and read what is answered.
pub const RTC_CORS: [(&str, &str); 5] = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match"),
    (
        "Access-Control-Expose-Headers",
        "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After",
    ),
    ("Access-Control-Max-Age", "86400"),
];

/// What the answer to `OPTIONS` of a path has beside [`RTC_CORS`].
pub fn rtc_options(path: &str) -> [(&'static str, &'static str); 2] {
    match path.starts_with(RTC_SESSIONS) {
        true => [("Accept-Patch", SDP_FRAGMENT_TYPE), ("Allow", "PATCH, DELETE, OPTIONS")],
        false => [("Accept-Post", SDP_TYPE), ("Allow", "POST, OPTIONS")],
    }
}

/// A call by HTTP to publish or play by WebRTC, which one node answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtcCall {
    /// In upper case.
    pub method: String,
    /// As sent, percent-encoded.
    pub path: String,
    /// What stands behind `?`, as sent: a channel token may be in it.
    #[serde(default, skip_serializing_if = "Secret::is_empty")]
    pub query: Secret,
    /// The header of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Who calls, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
}

/// The answer to an [`RtcCall`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtcReply {
    pub status: u16,
    /// In the order in which they are sent; a name may come twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}
