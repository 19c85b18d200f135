//! `storageConfig`: the bucket, by the vendor's number and the region's number.

use protocol::{Secret, Storage, StorageKind};

use crate::access::Flavour;
use crate::input::{FieldError, Fields, Targets, base_url};

const MAX_PREFIX_ELEMENTS: usize = 64;
const MAX_PREFIX_LEN: usize = 128;
const MAX_KEY_LEN: usize = 256;
/// Where nothing else is said: most servers with S3's interface sign with this region, or with any.
const DEFAULT_REGION: &str = "us-east-1";

/// Amazon's regions by their number in the API.
const S3_REGIONS: [(u64, &str); 27] = [
    (0, "us-east-1"),
    (1, "us-east-2"),
    (2, "us-west-1"),
    (3, "us-west-2"),
    (4, "eu-west-1"),
    (5, "eu-west-2"),
    (6, "eu-west-3"),
    (7, "eu-central-1"),
    (8, "ap-southeast-1"),
    (9, "ap-southeast-2"),
    (10, "ap-northeast-1"),
    (11, "ap-northeast-2"),
    (12, "sa-east-1"),
    (13, "ca-central-1"),
    (14, "ap-south-1"),
    (15, "cn-north-1"),
    (16, "cn-northwest-1"),
    (17, "us-gov-west-1"),
    (18, "af-south-1"),
    (19, "ap-east-1"),
    (20, "ap-northeast-3"),
    (21, "eu-north-1"),
    (22, "me-south-1"),
    (23, "us-gov-east-1"),
    (24, "ap-southeast-3"),
    (25, "eu-south-1"),
    (28, "il-central-1"),
];

struct Place {
    kind: StorageKind,
    endpoint: String,
    region: String,
}

pub(super) fn read(config: &Fields<'_>, flavour: Flavour, targets: Targets) -> Result<Storage, FieldError> {
    let vendor = number(config, "vendor", flavour)?;
    let extension = config.object("extensionParams")?;
    let place = match vendor {
        1 => amazon(config, flavour)?,
        11 => s3_compatible(config, extension.as_ref(), targets)?,
        _ => {
            let problem = "must be 1 (Amazon S3) or 11 (S3-compatible): this server offers no other";
            return Err(config.error("vendor", problem));
        }
    };
    if let Some(extension) = &extension {
        refuse_what_is_not_offered(extension)?;
    }
    let bucket = config.require("bucket", config.string("bucket")?)?;
    if !is_bucket(bucket) {
        return Err(config.error(
            "bucket",
            "must have 3 to 255 of a-z A-Z 0-9 . _ -, with a letter or digit at both ends",
        ));
    }
    Ok(Storage {
        kind: place.kind,
        endpoint: place.endpoint,
        region: place.region,
        bucket: bucket.to_owned(),
        access_key: config
            .require("accessKey", key(config, "accessKey", MAX_KEY_LEN)?)?
            .to_owned(),
        secret_key: Secret::new(config.require("secretKey", key(config, "secretKey", MAX_KEY_LEN)?)?),
        session_token: key(config, "stsToken", 16 * MAX_KEY_LEN)?.map(Secret::new),
        prefix: prefix(config)?,
    })
}

/// A vendor or region.
fn number(config: &Fields<'_>, name: &str, flavour: Flavour) -> Result<u64, FieldError> {
    let absent = flavour.leaves_out_zeros().then_some(0);
    config.require(name, config.integer(name, 0..=1000)?.or(absent))
}

fn amazon(config: &Fields<'_>, flavour: Flavour) -> Result<Place, FieldError> {
    let number = number(config, "region", flavour)?;
    let Some((_, region)) = S3_REGIONS.iter().find(|(known, _)| *known == number) else {
        return Err(config.error("region", "must be one of Amazon S3's numbers: 0 to 25, or 28"));
    };
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    Ok(Place {
        kind: StorageKind::S3,
        endpoint: format!("https://s3.{region}.{domain}"),
        region: (*region).to_owned(),
    })
}

fn s3_compatible(config: &Fields<'_>, extension: Option<&Fields<'_>>, targets: Targets) -> Result<Place, FieldError> {
    if config.integer("region", 0..=1000)?.unwrap_or(0) != 0 {
        let problem = "must be 0 with vendor 11; a signing region is named in extensionParams.region";
        return Err(config.error("region", problem));
    }
    let extension = extension.ok_or_else(|| config.error("extensionParams", "is required with vendor 11"))?;
    let endpoint = extension.require("endpoint", extension.string("endpoint")?)?;
    let endpoint = base_url(endpoint, &["https", "http"]).and_then(|url| targets.check(&url).map(|()| url));
    let endpoint = endpoint.map_err(|problem| extension.error("endpoint", problem))?;
    let region = extension.string("region")?.unwrap_or(DEFAULT_REGION);
    let is_region = region.len() <= 64
        && region
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_region {
        return Err(extension.error("region", "must be a region's name: at most 64 of a-z A-Z 0-9 _ -"));
    }
    Ok(Place {
        kind: StorageKind::S3Compatible,
        endpoint,
        region: region.to_owned(),
    })
}

fn refuse_what_is_not_offered(extension: &Fields<'_>) -> Result<(), FieldError> {
    match ["sse", "tag"].into_iter().find(|name| extension.get(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(extension.error(name, "is not offered by this server")),
    }
}

/// A key or token; what cannot stand in an HTTP header is refused.
fn key<'a>(config: &Fields<'a>, name: &str, max_len: usize) -> Result<Option<&'a str>, FieldError> {
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
