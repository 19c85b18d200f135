//! The configuration of a store: its bucket, by the vendor's number and the region's number.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{Addressing, Encryption, Secret, Storage, StorageKind};

use super::vendors::{S3_COMPATIBLE, Vendor};
use crate::input::{FieldError, Fields, Targets, base_url, is_ip};

const MAX_PREFIX_ELEMENTS: usize = 64;
const MAX_PREFIX_LEN: usize = 128;
pub(crate) const MAX_KEY_LEN: usize = 256;
/// Amazon's and Alibaba's limit.
const MAX_TAGS: usize = 10;
const MAX_TAGS_LEN: usize = 2048;
/// Where nothing else is said: most servers with S3's interface sign with this region, or with any.
const DEFAULT_REGION: &str = "us-east-1";

struct Place {
    kind: StorageKind,
    endpoint: String,
    region: String,
    addressing: Addressing,
    /// The vendor takes `sse` and `tag`.
    marks_objects: bool,
}

/// The terms under which a configuration is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The servers that the store may be at.
    pub(crate) targets: Targets,
    /// Whether a vendor or a region that is left out is number 0.
    pub(crate) absent_is_zero: bool,
    /// Unix milliseconds.
    pub(crate) now_ms: u64,
}

pub(crate) fn read(config: &Fields<'_>, terms: Terms) -> Result<Storage, FieldError> {
    let place = place(config, terms)?;
    let bucket = bucket(config, &place)?;
    let extension = config.object("extensionParams")?;
    let extension = extension.as_ref();
    let session_token = session_token(config)?;
    if session_token.is_some() && place.kind == StorageKind::Azure {
        return Err(config.error("stsToken", "must not be set with vendor 5"));
    }
    Ok(Storage {
        kind: place.kind,
        addressing: match (place.addressing, place.kind) {
            // Such a name is no part of a host's, or of none that the endpoint's certificate covers.
            (Addressing::Virtual, StorageKind::S3) if !is_label(bucket) => Addressing::Path,
            (addressing, _) => addressing,
        },
        bucket: bucket.to_owned(),
        access_key: access_key(config, place.kind)?.to_owned(),
        secret_key: Secret::new(secret_key(config, place.kind)?),
        session_token: session_token.map(Secret::new),
        session_ends_ms: session_ends_ms(config, terms.now_ms)?,
        prefix: prefix(config)?,
        encryption: extension.map_or(Ok(None), |extension| encryption(extension, &place))?,
        tags: extension.map_or(Ok(None), |extension| tags(extension, &place))?,
        endpoint: place.endpoint,
        region: place.region,
        video: Default::default(),
    })
}

fn place(config: &Fields<'_>, terms: Terms) -> Result<Place, FieldError> {
    let absent = terms.absent_is_zero.then_some(0);
    let number = config.integer("vendor", 0..=1000)?.or(absent);
    let number = config.require("vendor", number)?;
    let region = config.integer("region", 0..=1000)?.or(absent);
    let extension = config.object("extensionParams")?;
    let mut place = match (number, Vendor::find(number)) {
        (_, Some(vendor)) => known(config, vendor, region)?,
        (S3_COMPATIBLE, None) => s3_compatible(config, region, extension.as_ref())?,
        _ => return Err(config.error("vendor", "must be 0 to 8, or 11")),
    };
    if let Some(extension) = &extension {
        change(&mut place, extension, terms.targets)?;
    }
    Ok(place)
}

fn known(config: &Fields<'_>, vendor: &Vendor, region: Option<u64>) -> Result<Place, FieldError> {
    if vendor.has_regions() {
        config.require("region", region)?;
    }
    let place = vendor.place(region).ok_or_else(|| {
        let problem = format!(
            "must be one of the numbers of {}: {}",
            vendor.name,
            vendor.region_numbers()
        );
        config.error("region", problem)
    })?;
    let account = match vendor.kind {
        StorageKind::Azure => format!("{}.", access_key(config, vendor.kind)?),
        _ => String::new(),
    };
    Ok(Place {
        kind: vendor.kind,
        endpoint: format!("https://{account}{}", place.host),
        region: place.region.to_owned(),
        addressing: vendor.addressing,
        marks_objects: matches!(vendor.number, 1 | 2),
    })
}

fn s3_compatible(
    config: &Fields<'_>,
    region: Option<u64>,
    extension: Option<&Fields<'_>>,
) -> Result<Place, FieldError> {
    if region.unwrap_or(0) != 0 {
        let problem = "must be 0 with vendor 11; a signing region is named in extensionParams.region";
        return Err(config.error("region", problem));
    }
    let extension = extension.ok_or_else(|| config.error("extensionParams", "is required with vendor 11"))?;
    extension.require("endpoint", extension.string("endpoint")?)?;
    Ok(Place {
        kind: StorageKind::S3,
        endpoint: String::new(),
        region: DEFAULT_REGION.to_owned(),
        addressing: Addressing::Path,
        marks_objects: true,
    })
}

/// What the customer says of the endpoint goes before the tables.
fn change(place: &mut Place, extension: &Fields<'_>, targets: Targets) -> Result<(), FieldError> {
    if let Some(endpoint) = extension.string("endpoint")? {
        let endpoint = base_url(endpoint, &["https", "http"]).and_then(|url| targets.check(&url).map(|()| url));
        place.endpoint = endpoint.map_err(|problem| extension.error("endpoint", problem))?;
    }
    if let Some(region) = extension.string("region")? {
        if !is_region(region) {
            return Err(extension.error("region", "must be a region's name: at most 64 of a-z A-Z 0-9 _ -"));
        }
        region.clone_into(&mut place.region);
    }
    let style = match extension.string("addressingStyle")? {
        None => None,
        Some("path") => Some(Addressing::Path),
        Some("virtual") => Some(Addressing::Virtual),
        Some("cname") => Some(Addressing::Cname),
        Some(_) => return Err(extension.error("addressingStyle", "must be \"path\", \"virtual\" or \"cname\"")),
    };
    // No bucket's name can stand before an address of numbers.
    let needs_path = is_ip(&place.endpoint) && place.addressing == Addressing::Virtual;
    place.addressing = style.unwrap_or(if needs_path { Addressing::Path } else { place.addressing });
    let fits = match place.kind {
        StorageKind::S3 => place.addressing != Addressing::Cname,
        StorageKind::Oss => true,
        StorageKind::Cos => place.addressing == Addressing::Virtual,
        StorageKind::Azure | StorageKind::AliyunVod => place.addressing == Addressing::Path,
    };
    match (fits, style) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(extension.error("addressingStyle", "is not one that the vendor has")),
        (false, None) => Err(extension.error("endpoint", "must be a name with vendor 3, not an address of numbers")),
    }
}

fn bucket<'a>(config: &Fields<'a>, place: &Place) -> Result<&'a str, FieldError> {
    let bucket = config.require("bucket", config.string("bucket")?)?;
    let (is_legal, rule) = match place.kind {
        StorageKind::S3 => (
            is_bucket(bucket),
            "must have 3 to 255 of a-z A-Z 0-9 . _ -, with a letter or digit at both ends",
        ),
        StorageKind::Oss | StorageKind::Cos | StorageKind::Azure | StorageKind::AliyunVod => (
            is_label(bucket),
            "must have 3 to 63 of a-z 0-9 -, with a letter or digit at both ends",
        ),
    };
    match is_legal {
        true => Ok(bucket),
        false => Err(config.error("bucket", rule)),
    }
}

fn access_key<'a>(config: &Fields<'a>, kind: StorageKind) -> Result<&'a str, FieldError> {
    let key = config.require("accessKey", key(config, "accessKey", MAX_KEY_LEN)?)?;
    let is_account = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if kind == StorageKind::Azure && !((3..=24).contains(&key.len()) && key.bytes().all(is_account)) {
        let problem = "must be the storage account's name with vendor 5: 3 to 24 of a-z 0-9";
        return Err(config.error("accessKey", problem));
    }
    Ok(key)
}

fn secret_key<'a>(config: &Fields<'a>, kind: StorageKind) -> Result<&'a str, FieldError> {
    let key = config.require("secretKey", key(config, "secretKey", MAX_KEY_LEN)?)?;
    if kind == StorageKind::Azure && STANDARD.decode(key).is_err() {
        return Err(config.error(
            "secretKey",
            "must be one of the account's keys, in base64, with vendor 5",
        ));
    }
    Ok(key)
}

pub(crate) fn session_token<'a>(config: &Fields<'a>) -> Result<Option<&'a str>, FieldError> {
    key(config, "stsToken", 16 * MAX_KEY_LEN)
}

/// When the session token ends. What lies in the past is not believed: whether the token is good, the bucket tells.
pub(crate) fn session_ends_ms(config: &Fields<'_>, now_ms: u64) -> Result<Option<u64>, FieldError> {
    let ends_ms = config.integer("stsExpiration", 0..=u64::MAX)?;
    let ends_ms = ends_ms.map(|seconds| seconds.saturating_mul(1000));
    Ok(ends_ms.filter(|ends_ms| *ends_ms > now_ms))
}

fn encryption(extension: &Fields<'_>, place: &Place) -> Result<Option<Encryption>, FieldError> {
    let encryption = match extension.string("sse")? {
        None => return Ok(None),
        Some("aes256") => Encryption::Aes256,
        Some("kms") => Encryption::Kms,
        Some(_) => return Err(extension.error("sse", "must be \"aes256\" or \"kms\"")),
    };
    mark(extension, "sse", place)?;
    Ok(Some(encryption))
}

/// Pairs `key=value` with `&` between, as they stand in the header; a key alone has an empty value.
fn tags(extension: &Fields<'_>, place: &Place) -> Result<Option<String>, FieldError> {
    let Some(text) = extension.string("tag")? else {
        return Ok(None);
    };
    mark(extension, "tag", place)?;
    let pairs: Vec<_> = text
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let is_legal = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'=' | b'?' | b'#'))
    };
    let are_legal = pairs
        .iter()
        .all(|(key, value)| !key.is_empty() && is_legal(key) && is_legal(value));
    if pairs.len() > MAX_TAGS || text.len() > MAX_TAGS_LEN || !are_legal {
        let problem = "must be at most 10 pairs key=value with & between, percent-encoded as in a URL's query";
        return Err(extension.error("tag", problem));
    }
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
    Ok(Some(pairs.collect::<Vec<_>>().join("&")))
}

fn mark(extension: &Fields<'_>, name: &str, place: &Place) -> Result<(), FieldError> {
    match place.marks_objects {
        true => Ok(()),
        false => Err(extension.error(name, "must not be set unless the vendor is 1, 2 or 11")),
    }
}

fn is_region(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() <= 64 && text.bytes().all(is_legal)
}

/// A key or token; what cannot stand in an HTTP header is refused.
pub(crate) fn key<'a>(config: &Fields<'a>, name: &str, max_len: usize) -> Result<Option<&'a str>, FieldError> {
    let key = config.string(name)?;
    if key.is_some_and(|key| key.len() > max_len || !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        let problem = format!("must have at most {max_len} characters, ASCII without spaces");
        return Err(config.error(name, problem));
    }
    Ok(key)
}

fn is_bucket(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let ends_are_legal = is_end(name.bytes().next()) && is_end(name.bytes().next_back());
    (3..=255).contains(&name.len()) && ends_are_legal && name.bytes().all(is_legal)
}

/// Whether a bucket's name can be a part of a host's.
fn is_label(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len()) && is_bucket(name) && name.bytes().all(is_legal)
}

fn prefix(config: &Fields<'_>) -> Result<String, FieldError> {
    let elements = config
        .strings("fileNamePrefix", MAX_PREFIX_ELEMENTS)?
        .unwrap_or_default();
    let prefix = elements.join("/");
    let is_legal = elements
        .iter()
        .all(|element| element.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !is_legal || prefix.len() > MAX_PREFIX_LEN {
        let problem = "must hold elements of a-z A-Z 0-9 only, at most 128 characters when joined with slashes";
        return Err(config.error("fileNamePrefix", problem));
    }
    Ok(prefix)
}
