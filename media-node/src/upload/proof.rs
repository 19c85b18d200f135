use std::time::Duration;

use protocol::{Fault, Refusal, RefusalCode, Storage, StorageKind};

use super::headers::Headers;
use super::{Bucket, vod};
use crate::outbound::Client;

/// Under the storage's prefix. It stays in the bucket where the keys may not delete.
const PROOF_NAME: &str = "tapedeck-write-test.txt";
const PROOF_TEXT: &str = "Written to prove that recordings can be stored here. It can be deleted.\n";
const PROOF_TIME: Duration = Duration::from_secs(5);
/// Enough for a store that answers at all; a proof that stays does no harm.
const CLEANUP_TIME: Duration = Duration::from_secs(1);

/// Proves that recordings can be stored there with these keys, in a bucket by writing a small object and deleting it
/// again. Keys that can only write are good enough: nothing is read or listed, and a refused deletion counts for nothing.
/// Takes at most 6 s.
pub async fn check(storage: &Storage, client: &Client) -> Result<(), Refusal> {
    match storage.kind {
        StorageKind::AliyunVod => vod::check(storage, client).await,
        _ => check_bucket(storage, client).await,
    }
}

async fn check_bucket(storage: &Storage, client: &Client) -> Result<(), Refusal> {
    let refuse = |what: String| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason: format!(
            "bucket {:?} at {} cannot be written to: {what}",
            storage.bucket, storage.endpoint
        ),
    };
    let bucket = Bucket::new(storage, client).map_err(refuse)?;
    let put = bucket.put(PROOF_NAME, Headers::changing("text/plain"), PROOF_TEXT);
    match tokio::time::timeout(PROOF_TIME, put).await {
        Err(_) => return Err(refuse(format!("no answer within {} s", PROOF_TIME.as_secs()))),
        Ok(Err(fault)) => return Err(refuse(fault.message().to_owned())),
        Ok(Ok(())) => {}
    }
    match tokio::time::timeout(CLEANUP_TIME, bucket.delete(PROOF_NAME)).await {
        Ok(Ok(())) => {}
        _ => tracing::debug!(
            bucket = storage.bucket,
            name = PROOF_NAME,
            "the write test's object stays in the bucket"
        ),
    }
    Ok(())
}
