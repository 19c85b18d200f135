use std::path::Path;
use std::time::Duration;

use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::{Buffer, ErrorKind, HttpTransporter, OperationContext, Operator, Reader};
use protocol::Storage;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answer::{Heard, Listening};
use super::fault::{UploadFault, disk};
use super::headers::Headers;
use super::service;
use crate::clock::unix_ms;
use crate::outbound::Client;
use crate::spool::object_key;

/// A request may take so long before the store has seen any of its body.
const BASE_TIME: Duration = Duration::from_secs(10);
/// The slowest connection that is still waited for, in bytes a second: 1 Mbit/s.
const SLOWEST_LINE: u64 = 128 * 1024;

/// Longer files, in bytes, travel in parts.
const WHOLE_UP_TO: u64 = 64 << 20;
/// The size of one part in bytes; a store takes ten thousand of them, which is more than an MP4 file ever has.
const PART: usize = 16 << 20;
/// A part that fails is sent again so often before the whole file is.
const PART_ATTEMPTS: usize = 3;

/// What is held in memory of a file while it travels, in bytes.
pub(super) fn memory_for(bytes: u64) -> u64 {
    if bytes > WHOLE_UP_TO { PART as u64 } else { bytes }
}

/// A bucket, or what its vendor calls so, and the prefix in it.
#[derive(Clone, Debug)]
pub struct Bucket {
    operator: Operator,
    transport: HttpTransporter,
    prefix: String,
    place: String,
}

/// Where a file's bytes come from, from its beginning on.
enum Source<'a> {
    File {
        file: File,
        path: &'a Path,
    },
    Object {
        reader: Reader,
        heard: Heard,
        at: u64,
        bytes: u64,
        place: &'a str,
    },
}

impl Source<'_> {
    /// At most `most` bytes; none at the end.
    async fn next(&mut self, most: usize) -> Result<Buffer, UploadFault> {
        match self {
            Self::File { file, path } => {
                let mut part = Vec::with_capacity(most);
                let read = file.take(most as u64).read_to_end(&mut part).await;
                read.map_err(disk("read", path))?;
                Ok(part.into())
            }
            Self::Object {
                reader,
                heard,
                at,
                bytes,
                place,
            } => {
                let end = bytes.saturating_sub(*at).min(most as u64) + *at;
                if end == *at {
                    return Ok(Buffer::new());
                }
                // Each of its packets may come in time, and all of them take a day.
                let read = tokio::time::timeout(time_for(end - *at), reader.read(*at..end)).await;
                let part = read.map_err(|_| UploadFault::Backup(format!("{place}, the backup store, is too slow")))?;
                let part = part.map_err(|error| UploadFault::from_backup(place, &error, heard.answer().as_ref()))?;
                if part.len() as u64 != end - *at {
                    let what = format!("{place} gave {} bytes of a file of {bytes}", part.len());
                    return Err(UploadFault::Backup(what));
                }
                *at = end;
                Ok(part)
            }
        }
    }
}

impl Bucket {
    /// Speaks to nobody yet. An error says what is wrong with the description of the storage.
    pub fn new(storage: &Storage, client: &Client) -> Result<Self, String> {
        let (operator, transport) = service::operator(storage, client)?;
        let place = format!("bucket {:?} at {}", storage.bucket, storage.endpoint);
        Ok(Self {
            operator,
            transport,
            prefix: storage.prefix.clone(),
            place,
        })
    }

    /// For messages: which bucket at which endpoint.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// One request, answered within a time that fits its size.
    pub(super) async fn put(&self, name: &str, headers: Headers, body: impl Into<Buffer>) -> Result<(), UploadFault> {
        self.put_once(name, headers, body).await.map_err(|(fault, _)| fault)
    }

    /// As [`Bucket::put`]; with the fault, whether it is the store's answer.
    pub(super) async fn put_once(
        &self,
        name: &str,
        headers: Headers,
        body: impl Into<Buffer>,
    ) -> Result<(), (UploadFault, bool)> {
        let body = body.into();
        let (operator, heard) = self.timed(time_for(body.len() as u64));
        let write = operator
            .write_with(&self.key(name), body)
            .content_type(headers.content_type)
            .cache_control(headers.cache_control)
            .await;
        write
            .map(drop)
            .map_err(|error| (refused(&error, &heard), heard.answer().is_some()))
    }

    /// A file of `bytes`, whole or in parts.
    pub(super) async fn put_file(
        &self,
        name: &str,
        headers: Headers,
        path: &Path,
        bytes: u64,
    ) -> Result<(), UploadFault> {
        let file = File::open(path).await.map_err(disk("read", path))?;
        self.send(name, headers, Source::File { file, path }, bytes).await
    }

    /// An object of `bytes` that another bucket holds under the same name.
    pub(super) async fn put_from(
        &self,
        from: &Self,
        name: &str,
        headers: Headers,
        bytes: u64,
    ) -> Result<(), UploadFault> {
        let (operator, heard) = from.timed(time_for(bytes.min(WHOLE_UP_TO)));
        let reader = operator.reader(&from.key(name)).await;
        let source = Source::Object {
            reader: reader.map_err(|error| UploadFault::from_backup(&from.place, &error, heard.answer().as_ref()))?,
            heard,
            at: 0,
            bytes,
            place: &from.place,
        };
        self.send(name, headers, source, bytes).await
    }

    async fn send(&self, name: &str, headers: Headers, mut source: Source<'_>, bytes: u64) -> Result<(), UploadFault> {
        if bytes > WHOLE_UP_TO {
            return self.send_parts(name, headers, source).await;
        }
        let body = source.next(bytes as usize).await?;
        self.put(name, headers, body).await
    }

    /// Parts of an attempt that fails are taken back where the store still answers.
    async fn send_parts(&self, name: &str, headers: Headers, mut source: Source<'_>) -> Result<(), UploadFault> {
        let (operator, heard) = self.timed(time_for(PART as u64));
        let operator = operator.layer(RetryLayer::new().with_max_times(PART_ATTEMPTS).with_jitter());
        let key = self.key(name);
        let writer = operator
            .writer_with(&key)
            .content_type(headers.content_type)
            .cache_control(headers.cache_control)
            .await;
        let mut writer = writer.map_err(|error| refused(&error, &heard))?;
        let sent = async {
            loop {
                let part = source.next(PART).await?;
                if part.is_empty() {
                    break;
                }
                let written = writer.write(part).await;
                written.map_err(|error| refused(&error, &heard))?;
            }
            writer.close().await.map_err(|error| refused(&error, &heard))
        };
        let result = sent.await.map(drop);
        if result.is_err()
            && let Err(error) = writer.abort().await
        {
            tracing::debug!(name, %error, "the parts of a failed upload stay in the store");
        }
        result
    }

    /// The size of an object in bytes; `None` where there is none.
    pub(super) async fn size_of(&self, name: &str) -> Result<Option<u64>, UploadFault> {
        let (operator, heard) = self.timed(BASE_TIME);
        match operator.stat(&self.key(name)).await {
            Ok(found) => Ok(Some(found.content_length())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(&error, &heard)),
        }
    }

    /// An object, or the first 64 MB of a larger one; `None` where there is none.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, UploadFault> {
        // A store may answer with as much as it was asked for, so the size has to be known.
        let Some(bytes) = self.size_of(name).await? else {
            return Ok(None);
        };
        let bytes = bytes.min(WHOLE_UP_TO);
        let (operator, heard) = self.timed(time_for(bytes));
        match operator.read_with(&self.key(name)).range(0..bytes).await {
            Ok(object) => Ok(Some(object.to_vec())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(&error, &heard)),
        }
    }

    /// Writes an object of `bytes` into a file.
    pub(super) async fn fetch(&self, name: &str, path: &Path, bytes: u64) -> Result<(), UploadFault> {
        let (operator, heard) = self.timed(time_for(PART as u64));
        let operator = operator.layer(RetryLayer::new().with_max_times(PART_ATTEMPTS).with_jitter());
        let reader = operator.reader(&self.key(name)).await;
        let reader = reader.map_err(|error| refused(&error, &heard))?;
        let mut file = File::create(path).await.map_err(disk("write", path))?;
        let mut at = 0;
        while at < bytes {
            let end = bytes.min(at + PART as u64);
            let part = reader.read(at..end).await.map_err(|error| refused(&error, &heard))?;
            if part.len() as u64 != end - at {
                return Err(UploadFault::Refused(format!("it is shorter than {bytes} bytes")));
            }
            file.write_all(&part.to_vec()).await.map_err(disk("write", path))?;
            at = end;
        }
        file.flush().await.map_err(disk("write", path))
    }

    /// What is not there is deleted.
    pub(super) async fn delete(&self, name: &str) -> Result<(), UploadFault> {
        let (operator, heard) = self.timed(BASE_TIME);
        let delete = operator.delete(&self.key(name)).await;
        delete.map_err(|error| refused(&error, &heard))
    }

    fn key(&self, name: &str) -> String {
        object_key(&self.prefix, name)
    }

    /// For one operation: each of its requests takes at most `limit`, and what the store answers is heard.
    fn timed(&self, limit: Duration) -> (Operator, Heard) {
        let heard = Heard::default();
        let transport = HttpTransporter::new(Listening {
            transport: self.transport.clone(),
            heard: heard.clone(),
        });
        let operator = self
            .operator
            .clone()
            .with_context(OperationContext::new().with_http_transport(transport))
            .layer(TimeoutLayer::new().with_timeout(limit).with_io_timeout(limit));
        (operator, heard)
    }
}

fn refused(error: &opendal::Error, heard: &Heard) -> UploadFault {
    UploadFault::from_store(error, heard.answer().as_ref(), unix_ms())
}

fn time_for(bytes: u64) -> Duration {
    BASE_TIME + Duration::from_secs(bytes / SLOWEST_LINE)
}
