use std::fmt;

use serde::{Deserialize, Serialize};

/// A URL that can hold secrets: a user and a password, a signed query, or the path of an RTSP URL, where cameras take
/// passwords. It travels whole inside the authenticated calls of this crate; `Display` and `Debug` print what
/// [`redact_urls`] leaves of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL, for the one place that connects to it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether something of it is not printed.
    pub fn has_secrets(&self) -> bool {
        let printed = self.to_string();
        !self.0.is_empty() && printed != self.0
    }
}

impl From<&str> for SecretUrl {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for SecretUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl PartialEq<&str> for SecretUrl {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for SecretUrl {
    fn eq(&self, other: &String) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted = self
            .0
            .split_once("://")
            .filter(|(scheme, _)| is_scheme(scheme))
            .map(|(scheme, rest)| redacted(scheme, rest));
        f.write_str(redacted.as_deref().unwrap_or("…"))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

/// The schemes of streams, whose paths may hold passwords.
const STREAM_SCHEMES: [&str; 4] = ["rtsp", "rtsps", "rtsp+http", "rtsps+http"];

/// A text in which each URL is without what can be secret in it: of RTSP URLs scheme, host and port are left, of others the
/// path as well.
pub fn redact_urls(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at);
        let behind = behind.trim_start_matches("://");
        let begins = before
            .rfind(|c: char| !is_scheme_char(c))
            .map_or(0, |last| last + before[last..].chars().next().map_or(0, char::len_utf8));
        let (plain, scheme) = before.split_at(begins);
        let end = behind
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`'))
            .unwrap_or(behind.len());
        let url = behind[..end].trim_end_matches([')', ']', '}', ',', '.', ';', ':', '!', '\'']);
        told.push_str(plain);
        told.push_str(&redacted(scheme, url));
        rest = &behind[url.len()..];
    }
    told.push_str(rest);
    told
}

/// `rest`: what stands behind `://`.
fn redacted(scheme: &str, rest: &str) -> String {
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let (user, server) = match authority.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, authority),
    };
    if !is_server(server) {
        return format!("{scheme}://…");
    }
    if STREAM_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let whole = user.is_none() && matches!(behind, "" | "/");
        return format!("{scheme}://{server}{}", if whole { behind } else { "/…" });
    }
    let path_ends = behind.find(['?', '#']).unwrap_or(behind.len());
    let (path, secret) = behind.split_at(path_ends);
    format!("{scheme}://{server}{path}{}", if secret.is_empty() { "" } else { "?…" })
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_scheme_char)
}

fn is_scheme_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

/// `host[:port]`. What looks otherwise may be part of a password.
fn is_server(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    let port_is_legal = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    !host.is_empty() && host.chars().all(is_host) && port_is_legal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_prints_what_opens_its_server() {
        let table = [
            ("rtsp://cam/user=admin_password=hunter2", "rtsp://cam/…"),
            ("rtsp://u:hunter2@cam:554/live?key=hunter2", "rtsp://cam:554/…"),
            ("RTSP://u:hunter2@[fd00::1]:554", "RTSP://[fd00::1]:554/…"),
            ("rtsps://10.0.0.1?token=hunter2", "rtsps://10.0.0.1/…"),
            ("RTSP+http://u:p@cam/user=admin_password=hunter2", "RTSP+http://cam/…"),
            ("rtsp://u:p@w@cam", "rtsp://cam/…"),
            ("rtsp://cam:8554", "rtsp://cam:8554"),
            ("https://u:hunter2@h/a/b.jpg", "https://h/a/b.jpg"),
            ("https://h/a/b.jpg?X-Signature=hunter2#hunter2", "https://h/a/b.jpg?…"),
            ("https://h:8/", "https://h:8/"),
            // A slash in the password makes another host of it.
            ("rtsp://admin:hunter2/x@cam/", "rtsp://…"),
            ("rtsp:admin:hunter2@", "…"),
            ("hunter2", "…"),
            ("", "…"),
        ];
        for (url, shown) in table {
            let secret = SecretUrl::new(url);
            assert_eq!(secret.to_string(), shown, "{url}");
            assert_eq!(format!("{secret:?}"), format!("SecretUrl({shown})"));
            assert_eq!(secret.has_secrets(), !url.is_empty() && url != shown);
        }
    }

    #[test]
    fn a_text_loses_the_secrets_of_each_url_in_it_and_nothing_else() {
        let table = [
            (
                "DESCRIBE \"rtsp://u:hunter2@cam/hunter2\" failed (see http://h/a?b=hunter2), twice",
                "DESCRIBE \"rtsp://cam/…\" failed (see http://h/a?…), twice",
            ),
            ("é:rtsp://cam/hunter2.", "é:rtsp://cam/…."),
            (
                "http://mtx:9997/v3/paths/list does not answer",
                "http://mtx:9997/v3/paths/list does not answer",
            ),
            ("rtsp://rtsp://u:hunter2@x/", "rtsp://rtsp:/…"),
            ("://hunter2@h/x?y", "://h/x?…"),
            ("no address", "no address"),
        ];
        for (text, told) in table {
            assert_eq!(redact_urls(text), told);
        }
    }

    #[test]
    fn travels_whole() {
        let json = serde_json::to_string(&SecretUrl::new("rtsp://u:p@cam/1")).unwrap();
        assert_eq!(json, "\"rtsp://u:p@cam/1\"");
        assert_eq!(
            serde_json::from_str::<SecretUrl>(&json).unwrap().expose(),
            "rtsp://u:p@cam/1"
        );
    }
}
