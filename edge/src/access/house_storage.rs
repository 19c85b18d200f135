use protocol::{Backup, Storage};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hex;

/// Hexadecimal characters of a store's name.
const ID_LEN: usize = 16;

/// The operator's store for those recordings of an app whose callers name none. What is in it is handed out by links that
/// expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HouseStorage {
    /// Where new recordings go.
    pub storage: Storage,
    /// Those before it, the newest first: recordings in them are still handed out and deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Storage>,
    /// For how many days a recording is kept after its end; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// The same in seconds, for what is fetched soon; it goes before the days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_s: Option<u64>,
    /// For how long a link is good, in seconds.
    pub link_s: u64,
}

impl HouseStorage {
    /// Former stores that are remembered.
    pub const MAX_FORMER: usize = 8;

    /// For how long a recording is kept after its end, in milliseconds; `None` for ever.
    pub fn kept_ms(&self) -> Option<u64> {
        let days_ms = self.retention_days.map(|days| u64::from(days) * 24 * 3_600_000);
        self.retention_s.map(|s| s.saturating_mul(1_000)).or(days_ms)
    }

    /// A name for a store, whatever its keys: recordings refer to it.
    pub fn id(storage: &Storage) -> String {
        let place = (
            storage.kind,
            storage.addressing,
            &storage.endpoint,
            &storage.bucket,
            &storage.prefix,
        );
        let text = serde_json::to_vec(&place).unwrap_or_default();
        let mut id = hex(&Sha256::digest(text));
        id.truncate(ID_LEN);
        id
    }

    /// All stores, the present one first.
    pub fn all(&self) -> impl Iterator<Item = &Storage> {
        std::iter::once(&self.storage).chain(&self.former)
    }

    /// The store of this [name](Self::id).
    pub fn find(&self, id: &str) -> Option<&Storage> {
        self.all().find(|storage| Self::id(storage) == id)
    }

    /// The place of one recording in a store: below it are all of its objects and no others.
    pub fn place(storage: &Storage, app_id: &str, sid: &str) -> Storage {
        let parts = [storage.prefix.as_str(), app_id, sid];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Storage {
            prefix: parts.join("/"),
            ..storage.clone()
        }
    }

    /// This setting in the place of another one, whose stores stay known.
    #[must_use]
    pub fn replacing(mut self, old: &Self) -> Self {
        let own = Self::id(&self.storage);
        let former = old.all().filter(|storage| Self::id(storage) != own);
        self.former = former.take(Self::MAX_FORMER).cloned().collect();
        self
    }
}

/// The place in the backup store that is to have what the store of a recording does not take.
pub fn backup_of(backup: &Backup, storage: &Storage) -> Backup {
    let parts = [&backup.storage.prefix, &storage.prefix];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).cloned().collect();
    Backup {
        storage: Storage {
            prefix: parts.join("/"),
            ..backup.storage.clone()
        },
        ..backup.clone()
    }
}

#[cfg(test)]
mod tests {
    use protocol::Secret;

    use super::*;
    use crate::access::testing;

    fn storage(bucket: &str, secret: &str) -> Storage {
        Storage {
            bucket: bucket.into(),
            access_key: "key".into(),
            secret_key: Secret::new(secret),
            ..testing::storage()
        }
    }

    fn house(bucket: &str, secret: &str) -> HouseStorage {
        HouseStorage {
            storage: storage(bucket, secret),
            former: Vec::new(),
            retention_days: None,
            retention_s: None,
            link_s: 60,
        }
    }

    #[test]
    fn a_store_is_found_again_after_others_have_taken_its_place() {
        let first = HouseStorage::id(&storage("one", "s"));
        let mut present = house("one", "s");
        for bucket in ["two", "three", "one", "two"] {
            present = house(bucket, "s").replacing(&present);
        }
        assert_eq!(present.storage.bucket, "two");
        let former: Vec<_> = present.former.iter().map(|storage| &storage.bucket).collect();
        assert_eq!(former, ["one", "three"]);
        assert_eq!(present.find(&first), Some(&storage("one", "s")));
        assert_eq!(present.find("other"), None);
    }

    #[test]
    fn other_keys_of_the_same_store_replace_those_before() {
        let present = house("one", "new").replacing(&house("one", "old"));
        assert_eq!(present.former, []);
        let id = HouseStorage::id(&storage("one", "old"));
        assert_eq!(present.find(&id), Some(&storage("one", "new")));
    }

    #[test]
    fn each_recording_has_a_place_of_its_own() {
        assert_eq!(HouseStorage::place(&storage("one", "s"), "a", "r").prefix, "house/a/r");
        let bare = Storage {
            prefix: String::new(),
            ..storage("one", "s")
        };
        assert_eq!(HouseStorage::place(&bare, "a", "r").prefix, "a/r");
    }
}
