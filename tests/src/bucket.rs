//! The customer's bucket, read by its own keys.

use opendal::layers::RetryLayer;
use opendal::services::S3;
use opendal::{EntryMode, Operator};
use serde::Deserialize;

/// Where the stack's S3 server is and how it is opened, as `stack.json` says.
#[derive(Clone, Debug, Deserialize)]
pub struct S3Access {
    pub endpoint: String,
    pub bucket: String,
    pub access_key: String,
    pub secret_key: String,
}

#[derive(Clone, Debug)]
pub struct Bucket(Operator);

/// An object as it lies in the bucket.
#[derive(Clone, Debug)]
pub struct Object {
    /// Prefix and name.
    pub key: String,
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub data: Vec<u8>,
}

impl Object {
    /// # Panics
    /// When its type is not that of its name's ending, or caches are told something else than that a playlist changes and
    /// everything else stays.
    pub fn assert_headers(&self) {
        let Self {
            key,
            content_type,
            cache_control,
            ..
        } = self;
        let immutable = "max-age=31536000, immutable";
        let (media_type, caching) = match key.rsplit('.').next() {
            Some("m3u8") => ("application/vnd.apple.mpegurl", "no-cache"),
            Some("ts") => ("video/mp2t", immutable),
            Some("webm") => ("video/webm", immutable),
            Some("mp4") => ("video/mp4", immutable),
            Some("m4a") => ("audio/mp4", immutable),
            Some("mp3") => ("audio/mpeg", immutable),
            Some("jpg") => ("image/jpeg", immutable),
            _ => panic!("{key} has an unknown ending"),
        };
        assert_eq!(content_type.as_deref(), Some(media_type), "{key}");
        assert_eq!(cache_control.as_deref(), Some(caching), "{key}");
    }
}

impl Bucket {
    pub fn open(access: &S3Access) -> Self {
        opendal::install_default();
        let service = S3::default()
            .endpoint(&access.endpoint)
            .bucket(&access.bucket)
            .region("us-east-1")
            .access_key_id(&access.access_key)
            .secret_access_key(&access.secret_key)
            .disable_config_load()
            .disable_ec2_metadata();
        // The server walks its folder to list it, and answers 500 when a file is renamed under it: every S3 client asks again.
        Self(Operator::new(service).expect("an S3 client").layer(RetryLayer::new()))
    }

    /// Another bucket of the same server, which makes it when something is put there.
    pub fn other(access: &S3Access, bucket: &str) -> Self {
        Self::open(&S3Access {
            bucket: bucket.to_owned(),
            ..access.clone()
        })
    }

    /// The keys below `prefix`, which ends with a slash or is empty, in alphabetical order.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let entries = self
            .0
            .list_with(prefix)
            .recursive(true)
            .await
            .expect("the bucket can be listed");
        let files = entries
            .into_iter()
            .filter(|entry| entry.metadata().mode() == EntryMode::FILE);
        let mut keys: Vec<_> = files.map(|entry| entry.path().to_owned()).collect();
        keys.sort();
        keys
    }

    /// Puts an object there.
    pub async fn put(&self, key: &str, data: &'static str) {
        self.0.write(key, data).await.expect("the bucket takes it");
    }

    /// The object, or `None` where there is none.
    pub async fn get(&self, key: &str) -> Option<Object> {
        let stat = match self.0.stat(key).await {
            Err(error) if error.kind() == opendal::ErrorKind::NotFound => return None,
            stat => stat.unwrap_or_else(|error| panic!("{key}: {error}")),
        };
        let data = self
            .0
            .read(key)
            .await
            .unwrap_or_else(|error| panic!("{key}: {error}"))
            .to_vec();
        Some(Object {
            key: key.to_owned(),
            content_type: stat.content_type().map(str::to_owned),
            cache_control: stat.cache_control().map(str::to_owned),
            data,
        })
    }
}
