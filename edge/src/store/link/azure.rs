use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::Storage;

use super::bytes::{encode, hmac_sha256, iso_time};
use super::{Address, Ask, Does};

/// The version of the interface, which decides what is signed.
const VERSION: &str = "2020-12-06";

/// A shared access signature of the blob service by the account's key, for one blob or, to list, for the container.
pub(super) fn sign(storage: &Storage, ask: &Ask<'_>, lifetime_s: u64, now_ms: u64) -> String {
    let expiry = iso_time(now_ms.saturating_add(lifetime_s.saturating_mul(1_000)));
    let (resource, permission, disposition) = match &ask.does {
        Does::Get { disposition } => ("b", "r", disposition.as_str()),
        Does::Read => ("b", "r", ""),
        Does::Write => ("b", "cw", ""),
        Does::Delete => ("b", "d", ""),
        Does::List { .. } => ("c", "l", ""),
    };
    let Storage {
        access_key: account,
        bucket,
        ..
    } = storage;
    let name = match ask.key {
        "" => format!("/blob/{account}/{bucket}"),
        key => format!("/blob/{account}/{bucket}/{key}"),
    };
    // What stands between is not set: an identifier, addresses, protocols, a snapshot, an encryption scope, other headers.
    let text = [
        permission,
        "",
        &expiry,
        &name,
        "",
        "",
        "",
        VERSION,
        resource,
        "",
        "",
        "",
        disposition,
        "",
        "",
        "",
    ]
    .join("\n");
    let key = STANDARD.decode(storage.secret_key.expose()).unwrap_or_default();
    let signature = STANDARD.encode(hmac_sha256(&key, &text));
    let mut params = vec![
        ("sv", VERSION.to_owned()),
        ("sr", resource.to_owned()),
        ("sp", permission.to_owned()),
        ("se", expiry),
    ];
    if !disposition.is_empty() {
        params.push(("rscd", disposition.to_owned()));
    }
    if let Does::List { prefix, most } = &ask.does {
        params.push(("restype", "container".to_owned()));
        params.push(("comp", "list".to_owned()));
        params.push(("prefix", (*prefix).to_owned()));
        params.push(("maxresults", most.to_string()));
    }
    params.push(("sig", signature));
    let params: Vec<_> = params
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let mut address = Address::of(storage, ask.key);
    if ask.key.is_empty() {
        address.path.truncate(address.path.trim_end_matches('/').len());
    }
    address.url(&params)
}
