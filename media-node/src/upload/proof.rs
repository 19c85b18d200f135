use std::time::Duration;

use protocol::{Fault, Refusal, RefusalCode, Storage, StorageKind};

use super::fault::UploadFault;
use super::headers::Headers;
use super::{Bucket, vod};
use crate::outbound::Client;

/// Under the storage's prefix. It stays in the bucket where the keys may not delete.
const PROOF_NAME: &str = "tapedeck-write-test.txt";
const PROOF_TEXT: &str = "Written to prove that recordings can be stored here. It can be deleted.\n";
const PROOF_TIME: Duration = Duration::from_secs(5);
/// Between two attempts at a store that asks to come later.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
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
    let told = |code: RefusalCode, what: String| Refusal {
        fault: Fault::Destination,
        code,
        reason: format!(
            "bucket {:?} at {} cannot be written to: {what}",
            storage.bucket, storage.endpoint
        ),
    };
    let refuse = |what| told(RefusalCode::StorageUnusable, what);
    let bucket = Bucket::new(storage, client).map_err(refuse)?;
    let mut last = None;
    match tokio::time::timeout(PROOF_TIME, prove(&bucket, &mut last)).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => return Err(refuse(fault.message().to_owned())),
        Err(_) => {
            let what = match last {
                Some(said) => format!("{said}, for {} s", PROOF_TIME.as_secs()),
                None => format!("no answer within {} s", PROOF_TIME.as_secs()),
            };
            let what = format!("{what}; this is the store's trouble: start again with the same resource ID");
            return Err(told(RefusalCode::StorageUnavailable, what));
        }
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

/// Writes the object, again and again as long as the store asks to come later. `last`: what it said then.
async fn prove(bucket: &Bucket, last: &mut Option<String>) -> Result<(), UploadFault> {
    let mut pause = FIRST_PAUSE;
    loop {
        let put = bucket.put_once(PROOF_NAME, Headers::changing("text/plain"), PROOF_TEXT);
        match put.await {
            Ok(()) => return Ok(()),
            Err((UploadFault::Unavailable(said), true)) => *last = Some(said),
            Err((fault, _)) => return Err(fault),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
