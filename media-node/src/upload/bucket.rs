use std::path::Path;
use std::time::Duration;

use opendal::Operator;
use opendal::layers::TimeoutLayer;
use protocol::Storage;
use tokio::io::AsyncReadExt;

use super::fault::UploadFault;
use super::service;
use super::store::disk;
use crate::outbound::Client;
use crate::spool::object_key;

/// A request may take so long before the store has seen any of its body.
const BASE_TIME: Duration = Duration::from_secs(10);
/// The slowest line that is still waited for, in bytes a second: 1 Mbit/s.
const SLOWEST_LINE: u64 = 128 * 1024;

/// Longer files, in bytes, travel in parts.
const WHOLE_UP_TO: u64 = 64 << 20;
/// Of one part in bytes; a store takes ten thousand of them, which is more than an MP4 file ever has.
const PART: usize = 16 << 20;

/// What is held in memory of a file while it travels, in bytes.
pub(super) fn memory_for(bytes: u64) -> u64 {
    if bytes > WHOLE_UP_TO { PART as u64 } else { bytes }
}

/// A bucket, or what its vendor calls so, and the prefix in it.
#[derive(Clone, Debug)]
pub struct Bucket {
    operator: Operator,
    prefix: String,
    place: String,
}

impl Bucket {
    /// Speaks to nobody yet. An error says what is wrong with the description of the storage.
    pub fn new(storage: &Storage, client: &Client) -> Result<Self, String> {
        let operator = service::operator(storage, client)?;
        let place = format!("bucket {:?} at {}", storage.bucket, storage.endpoint);
        Ok(Self {
            operator,
            prefix: storage.prefix.clone(),
            place,
        })
    }

    /// For messages: which bucket at which endpoint.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// One request, answered within a time that fits its size.
    pub(super) async fn put(&self, name: &str, content_type: &str, body: Vec<u8>) -> Result<(), UploadFault> {
        let operator = self.timed(BASE_TIME + Duration::from_secs(body.len() as u64 / SLOWEST_LINE));
        let write = operator
            .write_with(&self.key(name), body)
            .content_type(content_type)
            .await;
        write.map(drop).map_err(|error| UploadFault::from_store(&error))
    }

    /// A file of `bytes`, whole or in parts. Parts of an attempt that fails are taken back where the store still answers.
    pub(super) async fn put_file(
        &self,
        name: &str,
        content_type: &str,
        path: &Path,
        bytes: u64,
    ) -> Result<(), UploadFault> {
        if bytes <= WHOLE_UP_TO {
            let body = tokio::fs::read(path).await.map_err(disk("read", path))?;
            return self.put(name, content_type, body).await;
        }
        let operator = self.timed(BASE_TIME + Duration::from_secs(PART as u64 / SLOWEST_LINE));
        let key = self.key(name);
        let writer = operator.writer_with(&key).content_type(content_type).await;
        let mut writer = writer.map_err(|error| UploadFault::from_store(&error))?;
        let sent = async {
            let mut file = tokio::fs::File::open(path).await.map_err(disk("read", path))?;
            loop {
                let mut part = Vec::with_capacity(PART);
                let read = (&mut file).take(PART as u64).read_to_end(&mut part).await;
                if read.map_err(disk("read", path))? == 0 {
                    break;
                }
                writer
                    .write(part)
                    .await
                    .map_err(|error| UploadFault::from_store(&error))?;
            }
            writer.close().await.map_err(|error| UploadFault::from_store(&error))
        };
        let result = sent.await.map(drop);
        if result.is_err()
            && let Err(error) = writer.abort().await
        {
            tracing::debug!(name, %error, "the parts of a failed upload stay in the store");
        }
        result
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), UploadFault> {
        let delete = self.timed(BASE_TIME).delete(&self.key(name)).await;
        delete.map_err(|error| UploadFault::from_store(&error))
    }

    fn key(&self, name: &str) -> String {
        object_key(&self.prefix, name)
    }

    fn timed(&self, limit: Duration) -> Operator {
        self.operator
            .clone()
            .layer(TimeoutLayer::new().with_timeout(limit).with_io_timeout(limit))
    }
}
