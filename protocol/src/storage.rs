use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Secret;

/// A place in an object store, resolved by the edge to an endpoint and a signing region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    pub kind: StorageKind,
    /// The store's address: `https://host[:port]`, without the bucket; the bucket's own host with [`Addressing::Cname`].
    pub endpoint: String,
    /// The signing region. [`StorageKind::Azure`] and [`StorageKind::Cos`] sign without one.
    pub region: String,
    #[serde(default)]
    pub addressing: Addressing,
    /// The bucket; the container with [`StorageKind::Azure`].
    pub bucket: String,
    /// The access key; the account's name with [`StorageKind::Azure`].
    pub access_key: String,
    pub secret_key: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// When the session token expires, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_ends_ms: Option<u64>,
    /// What stands in front of each object's name, without slashes at its ends; may be empty. `a/b` makes `a/b/name.ts`.
    pub prefix: String,
    /// The encryption that is asked of the store for each object. [`StorageKind::S3`] and [`StorageKind::Oss`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// The tags of each object, in the form of the header that sets them: `key=value&key=value`, percent-encoded.
    /// [`StorageKind::S3`] and [`StorageKind::Oss`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// The parameters with which a video-on-demand service makes its videos, by name. Empty with other kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub video: BTreeMap<String, String>,
}

/// The store that takes slices while the customer's store takes none; they are moved to the customer's when it is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub storage: Storage,
    /// How long the customer's store has taken nothing before this one takes over, in milliseconds.
    pub after_ms: u64,
}

/// Keys that replace those that a [`Storage`] came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageKeys {
    pub access_key: String,
    pub secret_key: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// When the session token expires, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_ends_ms: Option<u64>,
}

impl Storage {
    pub fn keys(&self) -> StorageKeys {
        StorageKeys {
            access_key: self.access_key.clone(),
            secret_key: self.secret_key.clone(),
            session_token: self.session_token.clone(),
            session_ends_ms: self.session_ends_ms,
        }
    }

    pub fn with_keys(&self, keys: StorageKeys) -> Self {
        Self {
            access_key: keys.access_key,
            secret_key: keys.secret_key,
            session_token: keys.session_token,
            session_ends_ms: keys.session_ends_ms,
            ..self.clone()
        }
    }
}

/// The interface that the store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageKind {
    /// S3, with signatures of version 4: most stores have it.
    S3,
    /// OSS, with signatures of its version 4.
    Oss,
    /// COS.
    Cos,
    /// Blob storage with a shared key.
    Azure,
    /// A video-on-demand service. `endpoint` is that of its API; it names buckets, keys and places in them by itself, so
    /// `bucket` and `prefix` are empty.
    AliyunVod,
}

impl StorageKind {
    /// Whether it is a video-on-demand service, which makes videos of what it is given, rather than a store of objects.
    pub fn is_vod(self) -> bool {
        match self {
            Self::AliyunVod => true,
            Self::S3 | Self::Oss | Self::Cos | Self::Azure => false,
        }
    }

    /// Whether temporary keys come with a session token.
    pub fn has_session_tokens(self) -> bool {
        match self {
            Self::S3 | Self::Oss | Self::Cos | Self::AliyunVod => true,
            Self::Azure => false,
        }
    }
}

/// Where the bucket stands in an object's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// `https://endpoint/bucket/key`. [`StorageKind::Azure`] has no other.
    #[default]
    Path,
    /// `https://bucket.endpoint/key`. [`StorageKind::Cos`] has no other.
    Virtual,
    /// `https://endpoint/key`: a domain that is bound to the bucket. [`StorageKind::Oss`].
    Cname,
}

/// The keys with which the store encrypts what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// The store's own: `AES256`.
    Aes256,
    /// The default key of its key management service.
    Kms,
}
