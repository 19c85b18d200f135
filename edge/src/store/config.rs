use protocol::{Addressing, Secret, Storage, StorageKind};

use super::keys::{access_key, secret_key, session_ends_ms, session_token};
use super::marks::{encryption, tags};
use super::terms::Terms;
use super::{bucket, place};
use crate::input::{FieldError, Fields};

/// Reads the configuration of a store, the object that the operator's API and dialects name `storageConfig`: `vendor` and
/// `region` by their numbers, `bucket`, `accessKey`, `secretKey`, and what is optional.
///
/// # Errors
/// The field that is missing or does not fit the vendor.
pub(crate) fn read(config: &Fields<'_>, terms: Terms) -> Result<Storage, FieldError> {
    let place = place::read(config, terms)?;
    let name = bucket::name(config, place.kind)?;
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
            (Addressing::Virtual, StorageKind::S3) if !bucket::is_label(name) => Addressing::Path,
            (addressing, _) => addressing,
        },
        bucket: name.to_owned(),
        access_key: access_key(config, place.kind)?.to_owned(),
        secret_key: Secret::new(secret_key(config, place.kind)?),
        session_token: session_token.map(Secret::new),
        session_ends_ms: session_ends_ms(config, terms.now_ms)?,
        prefix: bucket::prefix(config)?,
        encryption: extension.map_or(Ok(None), |extension| encryption(extension, &place))?,
        tags: extension.map_or(Ok(None), |extension| tags(extension, &place))?,
        endpoint: place.endpoint,
        region: place.region,
        video: Default::default(),
    })
}
