//! An app's own store, as the operator writes it and as it is shown.

use serde_json::{Value, json};

use super::only;
use crate::access::HouseStorage;
use crate::input::{FieldError, Fields, Targets};
use crate::store;

/// How long a recording may be kept, in days: a hundred years.
const RETENTION_DAYS: std::ops::RangeInclusive<u64> = 1..=36_500;
/// The same in seconds, up to a day.
const RETENTION_S: std::ops::RangeInclusive<u64> = 1..=86_400;
/// How long a link may be good, in seconds: the longest that all vendors allow is a week.
const LINK_S: std::ops::RangeInclusive<u64> = 60..=store::link::LONGEST_S;
const DEFAULT_LINK_S: u64 = 24 * 3_600;

/// Reads a store that replaces `old`. Without a configuration, the store stays and the rest changes.
pub(super) fn read(
    given: &Fields<'_>,
    old: Option<&HouseStorage>,
    targets: Targets,
    now_ms: u64,
) -> Result<HouseStorage, FieldError> {
    only(
        given,
        &["storageConfig", "retention_days", "retention_s", "link_lifetime_s"],
    )?;
    let terms = store::Terms {
        targets,
        absent_is_zero: false,
        now_ms,
    };
    let config = given.object("storageConfig")?;
    let config = config.as_ref();
    let storage = match (config, old) {
        (None, Some(old)) => old.storage.clone(),
        (config, _) => store::read(given.require("storageConfig", config)?, terms)?,
    };
    if storage.session_token.is_some() {
        return Err(given.error("storageConfig", "must have keys that do not expire: no stsToken"));
    }
    let retention_days = given.integer("retention_days", RETENTION_DAYS)?;
    let retention_s = given.integer("retention_s", RETENTION_S)?;
    if retention_s.is_some() && retention_days.is_some() {
        return Err(given.error("retention_s", "must not be given with retention_days"));
    }
    let set = HouseStorage {
        storage,
        former: Vec::new(),
        retention_days: retention_days.and_then(|days| u32::try_from(days).ok()),
        retention_s,
        link_s: given.integer("link_lifetime_s", LINK_S)?.unwrap_or(DEFAULT_LINK_S),
    };
    Ok(match old {
        Some(old) => set.replacing(old),
        None => set,
    })
}

/// Where the store is, without its keys.
pub(super) fn view(house: &HouseStorage) -> Value {
    let storage = &house.storage;
    json!({
        "endpoint": storage.endpoint,
        "bucket": storage.bucket,
        "prefix": storage.prefix,
        "retention_days": house.retention_days,
        "retention_s": house.retention_s,
        "link_lifetime_s": house.link_s,
        "former": house.former.len(),
        "has_keys": true,
    })
}
