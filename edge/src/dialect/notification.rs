use serde::Serialize;

use crate::http::Headers;

/// The request that tells an app's callback of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub method: &'static str,
    /// Parameters that the callback's URL gets, `name=value` with `&` between, percent-encoded; empty for none.
    pub query: String,
    pub headers: Headers,
    /// `None` where the method takes none.
    pub body: Option<Vec<u8>>,
}

impl Notification {
    /// One that posts JSON, unsigned.
    pub fn json(body: &serde_json::Value) -> Self {
        let content_type = ("Content-Type".to_owned(), "application/json".to_owned());
        Self {
            method: "POST",
            query: String::new(),
            headers: Headers::from_iter([content_type]),
            body: Some(body.to_string().into_bytes()),
        }
    }

    /// The URL that the request goes to: the callback's own, behind whose parameters those of the notification stand.
    pub fn url(&self, callback: &str) -> String {
        let separator = match (self.query.is_empty(), callback.split_once('?')) {
            (true, _) | (_, Some((_, ""))) => "",
            (_, Some(_)) => "&",
            (_, None) => "?",
        };
        format!("{callback}{separator}{}", self.query)
    }
}

/// What a dialect calls an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum EventType {
    Number(u32),
    Name(&'static str),
}

/// The name of one event of a recording, the same for each delivery of it.
pub fn notice_id(sid: &str, number: u64) -> String {
    format!("{sid}:{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_behind_those_of_the_callback() {
        let url = |callback: &str, query: &str| {
            let notification = Notification {
                method: "GET",
                query: query.into(),
                headers: Headers::default(),
                body: None,
            };
            notification.url(callback)
        };
        for (callback, query, whole) in [
            ("https://h/hook", "", "https://h/hook"),
            ("https://h/hook?key=1", "", "https://h/hook?key=1"),
            ("https://h", "a=1&b=2", "https://h?a=1&b=2"),
            ("https://h/hook", "a=1", "https://h/hook?a=1"),
            ("https://h/hook?", "a=1", "https://h/hook?a=1"),
            ("https://h/hook?key=1", "a=1", "https://h/hook?key=1&a=1"),
        ] {
            assert_eq!(url(callback, query), whole);
        }
    }
}
