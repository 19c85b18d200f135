//! Addresses of servers. The `url` crate would bring the tables of international domain names into the worker; hosts are
//! ASCII here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which servers a customer may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Those of the public Internet, as far as the address shows it: names are looked up by whoever connects.
    #[default]
    Public,
    /// Private, loopback and link-local ones too.
    Any,
}

impl Targets {
    /// Checks the server of a URL. The error continues a sentence that begins with the field's name.
    pub(crate) fn check(self, url: &str) -> Result<(), String> {
        let host = url
            .split_once("://")
            .and_then(|(_, rest)| Some(host_of(authority(rest)?)));
        match self == Self::Any || host.is_some_and(is_public_host) {
            true => Ok(()),
            false => {
                let problem =
                    "must not lead to a private, loopback or link-local address: this server does not allow it";
                Err(problem.to_owned())
            }
        }
    }
}

/// Reads `[scheme://]host[:port][/]` and gives it back as `scheme://host[:port]`. The first of `schemes` is taken where
/// none is given. The error continues a sentence that begins with the field's name.
pub(crate) fn base_url(text: &str, schemes: &[&str]) -> Result<String, String> {
    let problem = || {
        format!(
            "must be a host, host:port or URL with {} and without a path",
            schemes.join(" or ")
        )
    };
    let default = schemes.first().copied().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").unwrap_or((default, text));
    let scheme = schemes
        .iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
        .ok_or_else(problem)?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if is_authority(authority) {
        Ok(format!("{scheme}://{authority}"))
    } else {
        Err(problem())
    }
}

/// Like [`base_url`], of a server that answers below a path: `[scheme://]host[:port][/path]`.
pub(crate) fn base_url_with_path(text: &str, schemes: &[&str]) -> Result<String, String> {
    let (scheme, rest) = text
        .split_once("://")
        .map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let base = match scheme {
        Some(scheme) => base_url(&format!("{scheme}://{authority}"), schemes)?,
        None => base_url(authority, schemes)?,
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_legal);
    match path {
        "" => Ok(base),
        path if path.split('/').all(is_part) => Ok(format!("{base}/{path}")),
        _ => Err("has a path that is not made of a-z A-Z 0-9 - . _ ~ with single slashes between".to_owned()),
    }
}

/// Whether a URL names something below its server.
pub(crate) fn has_path(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
}

/// Whether a URL's host is an address of numbers.
pub(crate) fn is_ip(url: &str) -> bool {
    let host = url
        .split_once("://")
        .and_then(|(_, rest)| Some(host_of(authority(rest)?)));
    matches!(host, Some(Host::V4(_) | Host::V6(_)))
}

/// Whether a text is a URL of HTTP or HTTPS, which may hold a user, a password, a path and a query. Behind the server's
/// address there may be characters that have to be percent-encoded before they are sent.
pub(crate) fn web_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_web = matches!(scheme.as_deref(), Some("http" | "https"));
    let has_server = || {
        text.split_once("://")
            .and_then(|(_, rest)| authority(rest))
            .is_some_and(is_authority)
    };
    is_web && has_server() && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Whether a text is a URL of HTTP or HTTPS in visible ASCII, without a user, a password and a fragment.
pub(crate) fn plain_web_url(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#');
    let has_user = || {
        let server = text
            .split_once("://")
            .and_then(|(_, rest)| rest.split(['/', '?']).next());
        server.is_none_or(|server| server.contains('@'))
    };
    web_url(text) && text.bytes().all(is_plain) && !has_user()
}

/// A URL of the web without what can be secret in it: user, path and query.
pub(crate) fn redact_web(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = authority(rest).unwrap_or_default();
    let whole = rest.strip_prefix(host).is_some_and(|path| matches!(path, "" | "/"));
    format!("{scheme}://{host}{}", if whole { "" } else { "/…" })
}

/// How streams are reached: plainly, by TLS, and in HTTP or HTTPS.
const STREAM_SCHEMES: [&str; 4] = ["rtsp://", "rtsps://", "rtsp+http://", "rtsps+http://"];

/// Whether a text is an RTSP URL, which may hold a user, a password, a path, a query and a fragment.
pub(crate) fn stream_url(text: &str) -> bool {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    printable && authority_of_stream(text).is_some_and(is_authority)
}

fn authority_of_stream(url: &str) -> Option<&str> {
    authority(STREAM_SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme))?)
}

/// `host[:port]` of what stands behind a URL's `://`.
fn authority(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

enum Host<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Malformed,
}

fn host_of(authority: &str) -> Host<'_> {
    split_port(authority).0
}

/// The host and what stands behind it.
fn split_port(authority: &str) -> (Host<'_>, &str) {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host.parse().map_or(Host::Malformed, Host::V6), rest),
        None => {
            let (host, rest) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let kind = match host.parse() {
                Ok(address) => Host::V4(address),
                Err(_) if is_host_name(host) && !ends_in_number(host) => Host::Name(host),
                Err(_) => Host::Malformed,
            };
            (kind, rest)
        }
    }
}

/// URLs also know addresses like `2130706433`, `0x7f.1` and `127.1`, which look like names.
fn ends_in_number(host: &str) -> bool {
    let label = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_public_host(host: Host<'_>) -> bool {
    match host {
        Host::Name(name) => {
            let name = name.to_ascii_lowercase();
            name != "localhost" && !name.ends_with(".localhost")
        }
        Host::V4(address) => protocol::is_public(IpAddr::V4(address)),
        Host::V6(address) => protocol::is_public(IpAddr::V6(address)),
        Host::Malformed => false,
    }
}

/// `host[:port]`, the host a name, an IPv4 address or an IPv6 address in brackets.
fn is_authority(text: &str) -> bool {
    let (host, rest) = split_port(text);
    let host_is_legal = !matches!(host, Host::Malformed);
    let port_is_legal = rest.is_empty()
        || rest.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
    host_is_legal && port_is_legal
}

fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_below_a_path() {
        for (text, expected) in [
            ("minio", Some("https://minio")),
            ("http://minio:9000/", Some("http://minio:9000")),
            ("minio/storage/v1/s3", Some("https://minio/storage/v1/s3")),
            ("http://127.0.0.1:9000/s3/", Some("http://127.0.0.1:9000/s3")),
            ("minio//s3", None),
            ("minio/../s3", None),
            ("minio/s3?x", None),
            ("minio/s%33", None),
            ("user@minio/s3", None),
            ("ftp://minio/s3", None),
        ] {
            let got = base_url_with_path(text, &["https", "http"]).ok();
            assert_eq!(got.as_deref(), expected, "{text}");
            assert_eq!(
                got.is_some_and(|url| has_path(&url)),
                expected.is_some_and(|url| url.matches('/').count() > 2)
            );
        }
    }

    #[test]
    fn base_urls() {
        let table = [
            ("s3.example.com", Some("https://s3.example.com")),
            ("127.0.0.1:9000", Some("https://127.0.0.1:9000")),
            ("http://127.0.0.1:9000", Some("http://127.0.0.1:9000")),
            ("HTTPS://minio/", Some("https://minio")),
            ("[::1]:9000", Some("https://[::1]:9000")),
            ("ftp://host", None),
            ("http://host/path", None),
            ("http://host?x", None),
            ("http://user:pw@host", None),
            ("host:0", None),
            ("host:65536", None),
            ("host:", None),
            ("host:+1", None),
            ("ho st", None),
            ("a..b", None),
            ("-a", None),
            ("[::1", None),
            ("[zz]", None),
            ("", None),
            ("http://", None),
            ("hôte", None),
            ("1.2.3", None),
            ("2130706433", None),
            ("minio.0x7f", None),
            ("1.2.3.4.5", None),
            ("256.1.1.1", None),
            ("s3.0xyz", Some("https://s3.0xyz")),
        ];
        for (text, expected) in table {
            assert_eq!(base_url(text, &["https", "http"]).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn private_servers_are_not_named_by_customers() {
        let public = [
            "https://s3.example.com",
            "https://1.1.1.1:9000/path",
            "http://[2606:4700::1]",
            "https://localhost.example.com",
            "https://user:pw@hooks.example.com/x@127.0.0.1",
        ];
        let private = [
            "http://127.0.0.1:9000",
            "http://10.0.0.1/path",
            "http://169.254.169.254/latest",
            "http://[::1]:80",
            "http://[::ffff:192.168.0.1]/",
            "http://localhost",
            "http://s3.LOCALHOST:9000/x",
            "http://example.com@127.0.0.1/",
            "http://127.0.0.1?x",
            "http://127.0.0.1\\@example.com/",
            "http://0x7f.1/",
            "http://2130706433",
            "http://",
            "127.0.0.1",
        ];
        for (urls, allowed) in [(&public[..], true), (&private[..], false)] {
            for url in urls {
                assert_eq!(Targets::Public.check(url).is_ok(), allowed, "{url}");
                assert_eq!(Targets::Any.check(url), Ok(()), "{url}");
            }
        }
    }

    #[test]
    fn web_urls() {
        for (text, expected) in [
            ("http://h/b.jpg", true),
            ("HTTPS://u:p@h:8443/图.jpg?x=1#y", true),
            ("https://h", true),
            ("ftp://h/b.jpg", false),
            ("h/b.jpg", false),
            ("http:///b.jpg", false),
            ("http://h/b c.jpg", false),
            ("http://h/b\n.jpg", false),
            ("http://", false),
            ("", false),
        ] {
            assert_eq!(web_url(text), expected, "{text}");
        }
    }

    #[test]
    fn plain_web_urls() {
        let table = [
            ("https://example.com", "https://example.com"),
            ("https://example.com/", "https://example.com"),
            ("http://10.0.0.1:8080/hook?key=x@y", "http://10.0.0.1:8080/…"),
            ("https://[::1]:80?key=x", "https://[::1]:80/…"),
        ];
        for (url, expected) in table {
            assert!(plain_web_url(url), "{url}");
            assert_eq!(redact_web(url), expected);
        }
        for url in [
            "ftp://example.com",
            "example.com/hook",
            "https://",
            "https:///hook",
            "https://user@example.com",
            "https://user:pw@example.com/",
            "https://example.com/a b",
            "https://example.com/#a",
            "https://example.com\\@evil/",
            "https://example.com/\\evil",
            "https://127.1/",
            "https://2130706433/",
            "https://exämple.com/",
            "https://example.com/ä",
        ] {
            assert!(!plain_web_url(url), "{url}");
        }
    }

    #[test]
    fn stream_urls_are_redacted() {
        let table = [
            ("rtsp://cam/1", "rtsp://cam/…"),
            ("rtsp://u:p@cam:554/secret?key=x", "rtsp://cam:554/…"),
            ("rtsp://u:p@w@cam", "rtsp://cam/…"),
            ("rtsp://10.0.0.1?token=x", "rtsp://10.0.0.1/…"),
            ("rtsps://u:p@cam:322/1#sha256=00", "rtsps://cam:322/…"),
            ("rtsps+http://u:p@cam/secret", "rtsps+http://cam/…"),
        ];
        for (url, expected) in table {
            assert!(stream_url(url), "{url}");
            assert_eq!(protocol::SecretUrl::new(url).to_string(), expected);
        }
        for url in [
            "http://cam/1",
            "srtp://cam/1",
            "rtsp+http://",
            "rtsp://",
            "rtsp://cam:x/",
            "rtsp://cam/ 1",
            "rtsp://cam/…",
            "cam",
        ] {
            assert!(!stream_url(url), "{url}");
        }
    }
}
