//! Addresses of servers. The `url` crate would bring the tables of international domain names into the worker; hosts are
//! ASCII here.

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

/// Whether a text is an RTSP URL, which may hold a user, a password, a path and a query.
pub(crate) fn stream_url(text: &str) -> bool {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    printable && authority_of_stream(text).is_some_and(is_authority)
}

/// An RTSP URL without what can be secret in it: user, password, path and query.
pub(crate) fn redact(stream_url: &str) -> String {
    format!("rtsp://{}/…", authority_of_stream(stream_url).unwrap_or_default())
}

fn authority_of_stream(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("rtsp://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

/// `host[:port]`, the host a name, an IPv4 address or an IPv6 address in brackets.
fn is_authority(text: &str) -> bool {
    let (host_is_legal, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host.parse::<std::net::Ipv6Addr>().is_ok(), rest),
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_host_name(host), rest)
        }
    };
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
        ];
        for (text, expected) in table {
            assert_eq!(base_url(text, &["https", "http"]).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn stream_urls_are_redacted() {
        let table = [
            ("rtsp://cam/1", "rtsp://cam/…"),
            ("rtsp://u:p@cam:554/secret?key=x", "rtsp://cam:554/…"),
            ("rtsp://u:p@w@cam", "rtsp://cam/…"),
            ("rtsp://10.0.0.1?token=x", "rtsp://10.0.0.1/…"),
        ];
        for (url, expected) in table {
            assert!(stream_url(url), "{url}");
            assert_eq!(redact(url), expected);
        }
        for url in [
            "http://cam/1",
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
