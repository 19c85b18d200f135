use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Secret;

/// A place in an object store, resolved by the edge to an endpoint and a signing region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    pub kind: StorageKind,
    /// `https://host[:port]`, without the bucket; the bucket's own host with [`Addressing::Cname`].
    pub endpoint: String,
    /// The signing region. Azure and COS sign without one.
    pub region: String,
    #[serde(default)]
    pub addressing: Addressing,
    /// Azure: the container.
    pub bucket: String,
    /// Azure: the account's name.
    pub access_key: String,
    pub secret_key: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// When the session token ends, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_ends_ms: Option<u64>,
    /// Put in front of each object's name, without slashes at its ends; may be empty. `a/b` makes `a/b/name.ts`.
    pub prefix: String,
    /// Asked of the store for each object. S3 and OSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Tags of each object, as the header that sets them has them: `key=value&key=value`, percent-encoded. S3 and OSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// With [`StorageKind::AliyunVod`] what its videos are made with: parameters of its `CreateUploadVideo`, by their names.
    /// Empty with others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub video: BTreeMap<String, String>,
}

/// Where slices go while the customer's store takes none, and from where they are moved there when it is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub storage: Storage,
    /// How long the customer's store has taken nothing before this one takes over, in milliseconds.
    pub after_ms: u64,
}

/// Keys in the place of those that a [`Storage`] came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageKeys {
    pub access_key: String,
    pub secret_key: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// When the session token ends, Unix milliseconds.
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

/// Whose interface the store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageKind {
    /// Amazon S3's, with signatures of AWS's version 4: most stores have it.
    S3,
    /// Alibaba Cloud OSS's own, with signatures of its version 4.
    Oss,
    /// Tencent Cloud COS's own.
    Cos,
    /// Azure Blob Storage's, with a shared key.
    Azure,
    /// Alibaba Cloud's video-on-demand service. `endpoint` is that of its API; it names buckets, keys and places in them by
    /// itself, so `bucket` and `prefix` are empty.
    AliyunVod,
}

/// Where the bucket stands in an object's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// `https://endpoint/bucket/key`. Azure has no other.
    #[default]
    Path,
    /// `https://bucket.endpoint/key`. COS has no other.
    Virtual,
    /// `https://endpoint/key`: a domain that is bound to the bucket. OSS.
    Cname,
}

/// With which keys the store encrypts what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// The store's own: `AES256`.
    Aes256,
    /// Its key management service's default key.
    Kms,
}
