//! Requests and responses as plain data, so that dialects and the admin API run and are tested without a worker.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

/// A request as it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method in upper case, as HTTP has it.
    pub method: String,
    /// What stands in front of the path: `http(s)://host[:port]`.
    pub origin: String,
    /// The path as sent, percent-encoded, without the query.
    pub path: String,
    /// What stands behind `?`, as sent; empty without one.
    pub query: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a query parameter, decoded; `None` when it is absent.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_pairs()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The query parameters in their order, decoded.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
    }
}

fn decode(form_encoded: &str) -> String {
    percent_decode_str(&form_encoded.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// Header fields in the order they were sent; names compare without regard to case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(fields: T) -> Self {
        Self(fields.into_iter().collect())
    }
}

/// Names only: values carry credentials.
impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    /// A response without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: Vec::new(),
        }
    }

    /// A JSON body with its content type. What cannot be serialized, a map with keys that are no strings, becomes a 500.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let (status, body) = match serde_json::to_vec(body) {
            Ok(body) => (status, body),
            Err(_) => (500, br#"{"message":"An unexpected error occurred"}"#.to_vec()),
        };
        Self {
            status,
            headers: Headers::default(),
            body,
        }
        .with_header("Content-Type", "application/json; charset=utf-8")
    }

    pub fn text(status: u16, content_type: &str, body: String) -> Self {
        Self {
            body: body.into_bytes(),
            ..Self::empty(status)
        }
        .with_header("Content-Type", content_type)
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }
}

/// A time as HTTP writes it (RFC 9110, 5.6.7); what no calendar holds becomes the epoch.
pub fn http_date(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(0);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    time.format(form).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_compare_without_case() {
        let headers = Headers::from_iter([("Content-type".to_owned(), "a".to_owned())]);
        assert_eq!(headers.get("content-TYPE"), Some("a"));
        assert_eq!(headers.get("accept"), None);
    }

    #[test]
    fn dates_are_in_the_form_of_the_rfc() {
        assert_eq!(http_date(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(u64::MAX), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn query_values_are_decoded() {
        let request = Request {
            query: "a=1&b=x%2Fy+z&c&a=2".into(),
            ..Request::default()
        };
        assert_eq!(request.query_value("a").as_deref(), Some("1"));
        assert_eq!(request.query_value("b").as_deref(), Some("x/y z"));
        assert_eq!(request.query_value("c").as_deref(), Some(""));
        assert_eq!(request.query_value("d"), None);
    }

    #[test]
    fn debug_prints_no_header_values() {
        let headers = Headers::from_iter([("Authorization".to_owned(), "Basic c2VjcmV0".to_owned())]);
        assert!(!format!("{headers:?}").contains("c2VjcmV0"));
    }
}
