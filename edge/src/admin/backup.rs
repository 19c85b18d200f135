//! An app's backup store, as the operator writes it and as it is shown.

use protocol::Backup;
use serde_json::{Value, json};

use super::only;
use crate::input::{FieldError, Fields, Targets};
use crate::store;

/// How long the customer's store may take nothing before the backup takes over, in seconds.
const AFTER_S: std::ops::RangeInclusive<u64> = 1..=86_400;
const DEFAULT_AFTER_S: u64 = 120;

pub(super) fn read(given: &Fields<'_>, targets: Targets, now_ms: u64) -> Result<Backup, FieldError> {
    only(given, &["storageConfig", "after_s"])?;
    let config = given.require("storageConfig", given.object("storageConfig")?)?;
    let after_s = given.integer("after_s", AFTER_S)?.unwrap_or(DEFAULT_AFTER_S);
    let terms = store::Terms {
        targets,
        absent_is_zero: false,
        now_ms,
    };
    Ok(Backup {
        storage: store::read(&config, terms)?,
        after_ms: after_s * 1000,
    })
}

/// Where the store is, without its keys.
pub(super) fn view(backup: &Backup) -> Value {
    let storage = &backup.storage;
    json!({
        "endpoint": storage.endpoint,
        "bucket": storage.bucket,
        "prefix": storage.prefix,
        "after_s": backup.after_ms / 1000,
        "has_keys": true,
    })
}
