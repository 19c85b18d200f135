//! Objects that are fetched and written one by one, without a spool.

use std::path::Path;

use protocol::{Fault, Refusal, RefusalCode};

use super::Bucket;
use super::fault::UploadFault;
use super::headers::Headers;

/// Fetches an object of `bytes`, named by what stands behind the bucket's prefix, into a file.
///
/// # Errors
/// Why it is not here, and whether another try may help.
pub async fn fetch(bucket: &Bucket, name: &str, path: &Path, bytes: u64) -> Result<(), Refusal> {
    let fetched = bucket.fetch(name, path, bytes).await;
    fetched.map_err(|fault| refusal(bucket, name, &fault))
}

/// Writes a file of `bytes` as an object that never changes.
///
/// # Errors
/// As of [`fetch`].
pub async fn put(
    bucket: &Bucket,
    name: &str,
    media_type: &'static str,
    path: &Path,
    bytes: u64,
) -> Result<(), Refusal> {
    let put = bucket.put_file(name, Headers::immutable(media_type), path, bytes).await;
    put.map_err(|fault| refusal(bucket, name, &fault))
}

fn refusal(bucket: &Bucket, name: &str, fault: &UploadFault) -> Refusal {
    let (fault_of, code) = match fault {
        UploadFault::Unavailable(_) => (Fault::Destination, RefusalCode::StorageUnavailable),
        UploadFault::Clock(_) | UploadFault::Disk(_) => (Fault::Ours, RefusalCode::Internal),
        _ => (Fault::Destination, RefusalCode::StorageUnusable),
    };
    Refusal {
        fault: fault_of,
        code,
        reason: format!("{name} in {}: {}", bucket.place(), fault.message()),
    }
}
