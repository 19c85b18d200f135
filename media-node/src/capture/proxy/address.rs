use url::Url;

/// How RTSP is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Plain,
    /// In the two HTTP connections of Apple's tunnel, for cameras behind proxies.
    Http,
}

/// Where a source is, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) struct Address {
    pub(super) carrier: Carrier,
    pub(super) tls: bool,
    /// SHA-256 of the one certificate that is trusted.
    pub(super) certificate: Option<[u8; 32]>,
    pub(super) host: String,
    pub(super) port: u16,
    /// The URL of RTSP requests: without credentials and fragment.
    pub(super) url: Url,
}

/// The word before a fingerprint in a URL's fragment.
const FINGERPRINT: &str = "sha256=";

impl Address {
    /// Reads `rtsp://`, `rtsps://` (TLS), `rtsp+http://` and `rtsps+http://` (in HTTP, and HTTPS). With TLS a fragment
    /// `#sha256=` with 64 hexadecimal digits, which may be parted by colons, names the one certificate that is trusted.
    pub(in crate::capture) fn parse(url: &Url) -> Result<Self, String> {
        let (tls, carrier, default_port) = match url.scheme() {
            "rtsp" => (false, Carrier::Plain, 554),
            "rtsps" => (true, Carrier::Plain, 322),
            "rtsp+http" => (false, Carrier::Http, 80),
            "rtsps+http" => (true, Carrier::Http, 443),
            other => {
                return Err(format!(
                    "the source's URL begins with {other}://; it must be rtsp://, rtsps://, rtsp+http:// or rtsps+http://"
                ));
            }
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("the source's URL names no host")?;
        let certificate = match url.fragment() {
            Some(fragment) if tls => Some(fingerprint(fragment).ok_or(
                "what stands behind # in the source's URL is not sha256= with the 64 hexadecimal digits of its certificate",
            )?),
            _ => None,
        };
        let port = url.port().unwrap_or(default_port);
        let scheme = if tls { "rtsps" } else { "rtsp" };
        let mut asked = format!("{scheme}://{host}");
        if let Some(port) = url.port() {
            asked.push_str(&format!(":{port}"));
        }
        asked.push_str(url.path());
        if let Some(query) = url.query() {
            asked.push_str(&format!("?{query}"));
        }
        Ok(Self {
            carrier,
            tls,
            certificate,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            url: Url::parse(&asked).map_err(|error| format!("the source's URL cannot be read: {error}"))?,
        })
    }

    /// Whether a client needs no help to reach it.
    pub(in crate::capture) fn is_plain(&self) -> bool {
        !self.tls && self.carrier == Carrier::Plain
    }

    /// The same path at a port of this machine.
    pub(super) fn seen_at(&self, port: u16) -> Result<Url, String> {
        let mut seen = format!("{}{}", local(port), self.url.path());
        if let Some(query) = self.url.query() {
            seen.push_str(&format!("?{query}"));
        }
        Url::parse(&seen).map_err(|error| format!("the source's URL cannot be read: {error}"))
    }

    /// The same URL as requests to the source name it.
    pub(super) fn at_source(&self, url: &Url, port: u16) -> Option<Url> {
        let rest = url.as_str().strip_prefix(&local(port))?;
        let authority = &self.url[..url::Position::BeforePath];
        Url::parse(&format!("{authority}{rest}")).ok()
    }

    /// What a request of HTTP names.
    pub(super) fn path_and_query(&self) -> &str {
        let rest = &self.url[url::Position::BeforePath..];
        if rest.is_empty() { "/" } else { rest }
    }
}

fn local(port: u16) -> String {
    format!("rtsp://127.0.0.1:{port}")
}

fn fingerprint(fragment: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = fragment
        .strip_prefix(FINGERPRINT)?
        .bytes()
        .filter(|byte| *byte != b':')
        .collect();
    let mut bytes = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, String> {
        Address::parse(&Url::parse(url).unwrap())
    }

    #[test]
    fn each_way_has_its_port_and_its_url_of_requests() {
        for (url, tls, carrier, port, asked) in [
            (
                "rtsp://cam/1?channel=2",
                false,
                Carrier::Plain,
                554,
                "rtsp://cam/1?channel=2",
            ),
            ("rtsp://[::1]:8554", false, Carrier::Plain, 8554, "rtsp://[::1]:8554"),
            ("rtsps://cam/1", true, Carrier::Plain, 322, "rtsps://cam/1"),
            ("rtsp+http://cam/1", false, Carrier::Http, 80, "rtsp://cam/1"),
            (
                "rtsps+http://u:p@cam:8443/1",
                true,
                Carrier::Http,
                8443,
                "rtsps://cam:8443/1",
            ),
        ] {
            let address = address(url).unwrap();
            let got = (address.tls, address.carrier, address.port, address.url.as_str());
            assert_eq!(got, (tls, carrier, port, asked), "{url}");
            assert!(!address.host.contains('['));
        }
        assert!(address("http://cam/1").unwrap_err().contains("rtsps://"));
    }

    #[test]
    fn urls_of_this_machine_and_of_the_source_stand_for_each_other() {
        let address = address("rtsps://cam:8322/a/b?x=1").unwrap();
        let seen = address.seen_at(999).unwrap();
        assert_eq!(seen.as_str(), "rtsp://127.0.0.1:999/a/b?x=1");
        assert_eq!(address.at_source(&seen, 999).unwrap(), address.url);
        let track = Url::parse("rtsp://127.0.0.1:999/a/b?x=1/trackID=1").unwrap();
        let asked = address.at_source(&track, 999).unwrap();
        assert_eq!(asked.as_str(), "rtsps://cam:8322/a/b?x=1/trackID=1");
        assert_eq!(address.at_source(&Url::parse("rtsp://10.0.0.1/a/").unwrap(), 999), None);
    }

    #[test]
    fn a_fingerprint_names_one_certificate() {
        let digits = "0123456789abcdefABCDEF0000000000000000000000000000000000000000FF";
        let pinned = address(&format!("rtsps://cam/#sha256={digits}"))
            .unwrap()
            .certificate
            .unwrap();
        assert_eq!((pinned[0], pinned[7], pinned[8], pinned[31]), (0x01, 0xef, 0xab, 0xff));
        let parted: Vec<&str> = (0..32).map(|n| &digits[2 * n..2 * n + 2]).collect();
        let again = address(&format!("rtsps://cam/#sha256={}", parted.join(":"))).unwrap();
        assert_eq!(again.certificate, Some(pinned));
        for wrong in [
            "sha256=",
            "sha256=12",
            &digits[2..],
            &format!("sha256={digits}00"),
            "sha256=zz",
        ] {
            assert!(address(&format!("rtsps://cam/#{wrong}")).is_err(), "{wrong}");
        }
        assert_eq!(address("rtsp://cam/#part").unwrap().certificate, None);
    }
}
