//! Where a store is: its endpoint, its region, and where the bucket stands in addresses.

use protocol::{Addressing, StorageKind};

use super::keys::access_key;
use super::terms::Terms;
use super::vendors::{S3_COMPATIBLE, Vendor};
use crate::input::{FieldError, Fields, Targets, base_url_with_path, has_path, is_ip};

/// Where nothing else is said: most servers with S3's interface sign with this region, or with any.
const DEFAULT_REGION: &str = "us-east-1";

pub(super) struct Place {
    pub(super) kind: StorageKind,
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) addressing: Addressing,
    /// Whether the vendor takes `sse` and `tag`.
    pub(super) marks_objects: bool,
}

pub(super) fn read(config: &Fields<'_>, terms: Terms) -> Result<Place, FieldError> {
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
    let known = vendor.endpoint(region).ok_or_else(|| {
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
        endpoint: format!("https://{account}{}", known.host),
        region: known.region.to_owned(),
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
        let endpoint =
            base_url_with_path(endpoint, &["https", "http"]).and_then(|url| targets.check(&url).map(|()| url));
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
    if has_path(&place.endpoint)
        && !(place.kind == StorageKind::S3 && style.unwrap_or(place.addressing) == Addressing::Path)
    {
        return Err(extension.error(
            "endpoint",
            "may have a path only with vendor 11 and buckets addressed by path",
        ));
    }
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

fn is_region(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() <= 64 && text.bytes().all(is_legal)
}
