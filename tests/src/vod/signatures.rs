//! The vendor's signatures, by nothing that the product uses. The vectors are the vendor's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Request;

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What the documents list of the parameters that version 1 signs, as far as uploads use them.
const SUB_RESOURCES: [&str; 4] = ["partNumber", "security-token", "uploadId", "uploads"];

/// Percent-encodes as RFC 3986 has it.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// The HMAC in base64.
pub(super) fn hmac_sha1(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The pairs of a query, decoded and sorted; the value is `None` without an equals sign.
pub(super) fn pairs(query: &str) -> Vec<(String, Option<String>)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() => (decoded(name), Some(decoded(value))),
            Some((name, _)) => (decoded(name), None),
            None => (decoded(pair), None),
        })
        .collect();
    pairs.sort();
    pairs
}

/// `resource` is `/bucket/object`, decoded.
pub(super) fn version_1(request: &Request, resource: &str, secret: &str) -> String {
    let oss: String = oss_headers(request);
    let sub: Vec<_> = pairs(&request.query)
        .into_iter()
        .filter(|(name, _)| SUB_RESOURCES.contains(&name.as_str()))
        .map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}")))
        .collect();
    let mark = if sub.is_empty() { "" } else { "?" };
    let text = format!(
        "{}\n{}\n{}\n{}\n{oss}{resource}{mark}{}",
        request.method,
        request.header("content-md5"),
        request.header("content-type"),
        request.header("date"),
        sub.join("&"),
    );
    hmac_sha1(secret, &text)
}

fn oss_headers(request: &Request) -> String {
    let mut headers: Vec<_> = request
        .headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.starts_with("x-oss-"))
        .collect();
    headers.sort_unstable();
    let line = |name: &str| format!("{name}:{}\n", request.header(name).trim());
    headers.into_iter().map(line).collect()
}

/// `resource` is `/bucket/object`, decoded; `scope` is `date/region/oss/aliyun_v4_request`, `additional` what the
/// authorization names so.
pub(super) fn version_4(request: &Request, resource: &str, secret: &str, scope: &str, additional: &str) -> String {
    let uri: Vec<_> = resource.split('/').map(encode).collect();
    let query: Vec<_> = pairs(&request.query)
        .into_iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{}={}", encode(&name), encode(&value)),
            None => encode(&name),
        })
        .collect();
    let is_signed = |name: &str| {
        name.starts_with("x-oss-")
            || ["content-type", "content-md5"].contains(&name)
            || additional.split(';').any(|other| other == name)
    };
    let mut names: Vec<_> = request.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let headers: String = names
        .into_iter()
        .filter(|name| is_signed(name))
        .map(|name| format!("{name}:{}\n", request.header(name).trim()))
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{additional}\n{}",
        request.method,
        uri.join("/"),
        query.join("&"),
        request.header("x-oss-content-sha256"),
    );
    let text = format!(
        "OSS4-HMAC-SHA256\n{}\n{scope}\n{}",
        request.header("x-oss-date"),
        hex::encode(Sha256::digest(canonical))
    );
    let key = scope
        .split('/')
        .fold(format!("aliyun_v4{secret}").into_bytes(), |key, part| {
            hmac_sha256(&key, part)
        });
    hex::encode(hmac_sha256(&key, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_that_of_the_documents() {
        let text = "PUT\nODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=\ntext/html\nThu, 17 Nov 2005 18:49:58 GMT\n\
                    x-oss-magic:abracadabra\nx-oss-meta-author:foo@bar.com\n/oss-example/nelson";
        let signature = hmac_sha1("OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV", text);
        assert_eq!(signature, "26NBxoKdsyly4EDv6inkoDft/yA=");
        let mut request = Request {
            method: axum::http::Method::PUT,
            path: "/oss-example/nelson".into(),
            query: String::new(),
            headers: axum::http::HeaderMap::new(),
            body: axum::body::Bytes::new(),
        };
        for (name, value) in [
            ("x-oss-meta-author", "foo@bar.com"),
            ("x-oss-magic", "abracadabra"),
            ("content-md5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="),
            ("content-type", "text/html"),
            ("date", "Thu, 17 Nov 2005 18:49:58 GMT"),
        ] {
            request.headers.insert(name, value.parse().unwrap());
        }
        let signature = version_1(
            &request,
            "/oss-example/nelson",
            "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV",
        );
        assert_eq!(signature, "26NBxoKdsyly4EDv6inkoDft/yA=");
    }
}
