//! The vendor's RPC interface, from the side of the server.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::signatures::{encode, hmac_sha1};
use super::{ACCESS_KEY, Inner, Request, SECRET_KEY};

/// The service takes a time that is at most so far off its own.
const MOST_SKEW_S: i64 = 15 * 60;

/// An error: HTTP status, code, message.
pub(super) type Fault = (u16, String, String);

pub(super) fn fault(status: u16, code: &str, message: &str) -> Fault {
    (status, code.to_owned(), message.to_owned())
}

/// The parameters of a call that its caller has signed.
pub(super) fn verified(inner: &mut Inner, request: &Request) -> Result<BTreeMap<String, String>, Fault> {
    let mut parameters = BTreeMap::new();
    let is_form = request
        .header("content-type")
        .starts_with("application/x-www-form-urlencoded");
    let body = if is_form { request.body.as_ref() } else { b"" };
    for (name, value) in url::form_urlencoded::parse(request.query.as_bytes()).chain(url::form_urlencoded::parse(body))
    {
        if parameters
            .insert(name.clone().into_owned(), value.into_owned())
            .is_some()
        {
            return Err(fault(400, "InvalidParameter", &format!("{name} is there twice")));
        }
    }
    let needed = |name: &str| match parameters.get(name) {
        Some(value) if !value.is_empty() => Ok(value.as_str()),
        _ => Err(fault(
            400,
            &format!("Missing{name}"),
            &format!("{name} is mandatory for this action."),
        )),
    };
    for (name, wanted) in [
        ("Version", "2017-03-21"),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
    ] {
        if needed(name)? != wanted {
            return Err(fault(400, &format!("Invalid{name}"), "it is not supported"));
        }
    }
    let at = OffsetDateTime::parse(needed("Timestamp")?, &Rfc3339).map_err(|_| {
        fault(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp is not well formatted.",
        )
    })?;
    if !needed("Timestamp")?.ends_with('Z') || needed("Timestamp")?.len() != 20 {
        return Err(fault(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp is not well formatted.",
        ));
    }
    if (OffsetDateTime::now_utc() - at).whole_seconds().abs() > MOST_SKEW_S {
        return Err(fault(
            400,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    if needed("AccessKeyId")? != ACCESS_KEY {
        return Err(fault(
            404,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
        ));
    }
    let signed: Vec<_> = parameters
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let text = format!("{}&%2F&{}", request.method, encode(&signed.join("&")));
    if needed("Signature")? != hmac_sha1(&format!("{SECRET_KEY}&"), &text) {
        let message = "Specified signature is not matched with our calculation.";
        return Err(fault(400, "SignatureDoesNotMatch", message));
    }
    let nonce = needed("SignatureNonce")?.to_owned();
    if inner.nonces.contains(&nonce) {
        return Err(fault(
            400,
            "SignatureNonceUsed",
            "Specified signature nonce was used already.",
        ));
    }
    inner.nonces.push(nonce);
    Ok(parameters)
}
