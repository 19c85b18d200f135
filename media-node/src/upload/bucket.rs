use std::time::Duration;

use opendal::Operator;
use opendal::layers::TimeoutLayer;
use protocol::Storage;

use super::fault::UploadFault;
use super::service;
use crate::outbound::Client;
use crate::spool::object_key;

/// A request may take so long before the store has seen any of its body.
const BASE_TIME: Duration = Duration::from_secs(10);
/// The slowest line that is still waited for, in bytes a second: 1 Mbit/s.
const SLOWEST_LINE: u64 = 128 * 1024;

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
