//! Requests to a store that are signed by their address alone, for a time: links by which files are handed out, and what the
//! edge itself asks of a store. One file for each kind of signature. Pure; what sends the requests is not known here.

mod azure;
mod bytes;
mod cos;
mod disposition;
mod oss;
mod s3;

use protocol::{Addressing, Storage, StorageKind};

pub(crate) use bytes::{encode_path, signature};
use disposition::disposition;

/// The longest time for which every kind of store lets a link be good, in seconds: a week.
pub(crate) const LONGEST_S: u64 = 7 * 24 * 3_600;
/// For how long what the edge asks for itself is good: it is sent at once, by a clock that may be wrong.
const OWN_S: u64 = 900;

/// A link to an object, by which whoever has it downloads the object under the name `file_name` for `lifetime_s` seconds. `key` is
/// the object's whole key. A store without links, or one whose keys are not what they should be, gets an address that it refuses.
pub(crate) fn link(storage: &Storage, key: &str, file_name: &str, lifetime_s: u64, now_ms: u64) -> String {
    let ask = Ask {
        method: "GET",
        key,
        does: Does::Get {
            disposition: disposition(file_name),
        },
    };
    sign(storage, &ask, lifetime_s.clamp(1, LONGEST_S), now_ms)
}

/// A link to an object that is played rather than downloaded; otherwise as [`link`].
pub(crate) fn part(storage: &Storage, key: &str, lifetime_s: u64, now_ms: u64) -> String {
    let ask = Ask {
        method: "GET",
        key,
        does: Does::Read,
    };
    sign(storage, &ask, lifetime_s.clamp(1, LONGEST_S), now_ms)
}

/// The address by which a GET reads an object at once.
pub(crate) fn reading(storage: &Storage, key: &str, now_ms: u64) -> String {
    let ask = Ask {
        method: "GET",
        key,
        does: Does::Read,
    };
    sign(storage, &ask, OWN_S, now_ms)
}

/// The address by which a PUT writes an object, and the headers that the store wants with it.
pub(crate) fn writing(storage: &Storage, key: &str, now_ms: u64) -> (String, &'static [(&'static str, &'static str)]) {
    let ask = Ask {
        method: "PUT",
        key,
        does: Does::Write,
    };
    let headers: &[_] = match storage.kind {
        StorageKind::Azure => &[("x-ms-blob-type", "BlockBlob")],
        _ => &[],
    };
    (sign(storage, &ask, OWN_S, now_ms), headers)
}

/// The address by which a DELETE removes an object.
pub(crate) fn deletion(storage: &Storage, key: &str, now_ms: u64) -> String {
    let ask = Ask {
        method: "DELETE",
        key,
        does: Does::Delete,
    };
    sign(storage, &ask, OWN_S, now_ms)
}

/// The address by which a GET lists the first `most` objects whose keys begin with `prefix`; [`keys`](super::listing::keys) reads
/// the answer.
pub(crate) fn listing(storage: &Storage, prefix: &str, most: usize, now_ms: u64) -> String {
    let ask = Ask {
        method: "GET",
        key: "",
        does: Does::List { prefix, most },
    };
    sign(storage, &ask, OWN_S, now_ms)
}

/// What is asked of a store.
struct Ask<'a> {
    method: &'static str,
    /// Empty for the bucket itself.
    key: &'a str,
    does: Does<'a>,
}

enum Does<'a> {
    /// With the header that names the file.
    Get {
        disposition: String,
    },
    Read,
    Write,
    Delete,
    List {
        prefix: &'a str,
        most: usize,
    },
}

impl Ask<'_> {
    /// The parameters of the request itself, where the interface is S3's or is made after it.
    fn params(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match &self.does {
            Does::Get { disposition } => vec![pair("response-content-disposition", disposition)],
            Does::Read | Does::Write | Does::Delete => Vec::new(),
            Does::List { prefix, most } => vec![pair("max-keys", &most.to_string()), pair("prefix", prefix)],
        }
    }
}

fn sign(storage: &Storage, ask: &Ask<'_>, lifetime_s: u64, now_ms: u64) -> String {
    match storage.kind {
        StorageKind::S3 => s3::sign(storage, ask, lifetime_s, now_ms),
        StorageKind::Oss => oss::sign(storage, ask, lifetime_s, now_ms),
        StorageKind::Cos => cos::sign(storage, ask, lifetime_s, now_ms),
        StorageKind::Azure => azure::sign(storage, ask, lifetime_s, now_ms),
        // A video-on-demand service has no links.
        StorageKind::AliyunVod => Address::of(storage, ask.key).url(&[]),
    }
}

/// Where an object is.
struct Address {
    scheme: String,
    host: String,
    /// From the root, percent-encoded.
    path: String,
}

impl Address {
    fn of(storage: &Storage, key: &str) -> Self {
        let endpoint = storage.endpoint.trim_end_matches('/');
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
        let base = match base {
            "" => String::new(),
            base => format!("/{base}"),
        };
        let key = encode_path(key);
        let bucket = &storage.bucket;
        let (host, path) = match storage.addressing {
            Addressing::Path => (host.to_owned(), format!("{base}/{}/{key}", encode_path(bucket))),
            Addressing::Virtual => (format!("{bucket}.{host}"), format!("{base}/{key}")),
            Addressing::Cname => (host.to_owned(), format!("{base}/{key}")),
        };
        Self {
            scheme: scheme.to_owned(),
            host,
            path,
        }
    }

    /// With these parameters, which are encoded.
    fn url(&self, params: &[String]) -> String {
        let Self { scheme, host, path } = self;
        match params {
            [] => format!("{scheme}://{host}{path}"),
            params => format!("{scheme}://{host}{path}?{}", params.join("&")),
        }
    }
}

#[cfg(test)]
mod tests;
