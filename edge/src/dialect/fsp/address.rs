//! `/server/address`: where the parts of the API are, for clients that ask before they call.

use super::code::{ApiError, GATEWAY_PARAMETER};
use super::flavour::Flavour;
use super::reply;
use crate::http::{Request, Response};

/// The kind of a server whose address is asked for.
const BUSINESS_GATEWAY: &str = "10";

/// `public_url`: what the deployment says; otherwise the API is where it was asked.
pub(super) fn answer(request: &Request, public_url: Option<&str>) -> Response {
    match request.query_value("appType").as_deref() {
        Some(BUSINESS_GATEWAY) => reply::address(0, "OK", Some(public_url.unwrap_or(&request.origin))),
        _ => {
            let error = ApiError::new(GATEWAY_PARAMETER, "appType must be 10");
            reply::address(error.code.number(Flavour::default()), &error.msg, None)
        }
    }
}
