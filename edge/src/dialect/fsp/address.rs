//! `/server/address`: where the parts of the API are, for clients that ask before they call.

use super::code::{ApiError, GATEWAY_PARAMETER};
use super::flavour::Flavour;
use super::{reply, wire};
use crate::http::{Request, Response};

/// The kind of a server whose address is asked for.
const BUSINESS_GATEWAY: &str = "10";

/// That of a server of the event gateway.
const EVENT_GATEWAY: &str = "8";

/// `public_url`: what the deployment says; otherwise the API is where it was asked.
pub(super) fn answer(request: &Request, public_url: Option<&str>) -> Response {
    let base = public_url.unwrap_or(&request.origin);
    match request.query_value("appType").as_deref() {
        Some(BUSINESS_GATEWAY) => reply::address(0, "OK", Some(base)),
        Some(EVENT_GATEWAY) => {
            // `http` becomes `ws`, and `https` becomes `wss`.
            let socket = base
                .strip_prefix("http")
                .map_or(base.to_owned(), |rest| format!("ws{rest}"));
            reply::address(0, "OK", Some(&format!("{socket}{}", wire::PATH)))
        }
        _ => {
            let error = ApiError::new(GATEWAY_PARAMETER, "appType must be 8 or 10");
            reply::address(error.code.number(Flavour::default()), &error.msg, None)
        }
    }
}
