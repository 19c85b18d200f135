//! What is asked of the stores to delete a recording of which the app has the store. The edge does it by itself, with requests that
//! are signed by their address: it needs no node, so it goes on when those of the recording are long gone. What is deleted is what
//! the store itself lists below the recording's place, so nothing is missed that no list of ours has; it is done when the store
//! lists nothing more.
//!
//! It may not know what sends the requests, or when.

use protocol::Storage;

use crate::access::{App, HouseStorage, backup_of};
use crate::store::{link, listing};

/// Objects that one round deletes: its requests have to fit among the 50 that a worker may make on the platform's smallest plan.
const ROUND: usize = 36;

/// A place where objects of a recording can be: in a store, or in the backup of one.
pub struct Place {
    storage: Storage,
    /// What all of the objects' keys begin with.
    folder: String,
}

/// Wherever objects of a recording can be.
///
/// # Errors
/// Why that is not known, for the operator.
pub fn places(app: &App, sid: &str) -> Result<Vec<Place>, &'static str> {
    let house = app.house_storage.as_ref();
    let house = house.ok_or("the app has no house storage any more: give it its store again")?;
    let mut places = Vec::new();
    for storage in house.all() {
        let own = HouseStorage::place(storage, &app.app_id, sid);
        let backup = app.backup.as_ref().map(|backup| backup_of(backup, &own).storage);
        places.push(Place::of(own));
        places.extend(backup.map(Place::of));
    }
    Ok(places)
}

/// Where the pieces of an upload are: the folder `name` below the place of what is made of them.
///
/// # Errors
/// As of [`places`].
pub fn pieces(app: &App, store: &str, place: &str, name: &str) -> Result<Place, &'static str> {
    let house = app.house_storage.as_ref().and_then(|house| house.find(store));
    let storage = house.ok_or("the upload's store is none of the app's any more")?;
    Ok(Place {
        storage: storage.clone(),
        folder: format!("{place}/{name}/"),
    })
}

/// The address by which a DELETE removes one object.
///
/// # Errors
/// As of [`places`].
pub fn object(app: &App, store: &str, key: &str, now_ms: u64) -> Result<String, &'static str> {
    let house = app.house_storage.as_ref().and_then(|house| house.find(store));
    let storage = house.ok_or("the object's store is none of the app's any more")?;
    Ok(link::deletion(storage, key, now_ms))
}

/// Whether an object is gone, by the answer to its deletion.
///
/// # Errors
/// Why it is not.
pub fn deleted(status: u16) -> Result<(), String> {
    match status {
        200..300 | 404 => Ok(()),
        status => Err(format!("the store answered {status} when it was to delete an object")),
    }
}

impl Place {
    fn of(storage: Storage) -> Self {
        let folder = format!("{}/", storage.prefix);
        Self { storage, folder }
    }

    /// The address by which a GET lists as many objects as one round deletes.
    pub fn listing(&self, now_ms: u64) -> String {
        link::listing(&self.storage, &self.folder, ROUND, now_ms)
    }

    /// The addresses by which a DELETE removes each object that the store has listed; none when there is nothing more.
    ///
    /// # Errors
    /// Why the answer is no such list.
    pub fn deletions(&self, status: u16, answer: &str, now_ms: u64) -> Result<Vec<String>, String> {
        if status != 200 {
            return Err(format!("{} answered {status} when it was to list objects", self.name()));
        }
        let keys = listing::keys(answer);
        let keys = keys.map_err(|problem| format!("{}: its list of objects cannot be read: {problem}", self.name()))?;
        // Nothing else is touched, whatever a store lists.
        if keys.iter().any(|key| !key.starts_with(&self.folder)) {
            return Err(format!("{} lists objects that were not asked for", self.name()));
        }
        let urls = keys.iter().map(|key| link::deletion(&self.storage, key, now_ms));
        Ok(urls.collect())
    }

    fn name(&self) -> String {
        format!("bucket {} at {}", self.storage.bucket, self.storage.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Backup;

    use super::*;
    use crate::access::testing;

    const NOW: u64 = 1_700_000_000_000;

    fn storage(bucket: &str) -> Storage {
        Storage {
            bucket: bucket.into(),
            prefix: "p".into(),
            ..testing::storage()
        }
    }

    fn app() -> App {
        App {
            house_storage: Some(HouseStorage {
                storage: storage("new"),
                former: vec![storage("old")],
                retention_days: None,
                retention_s: None,
                link_s: 60,
            }),
            backup: Some(Backup {
                storage: storage("backup"),
                after_ms: 1,
            }),
            ..App::new("a", "t", "d", NOW)
        }
    }

    #[test]
    fn all_stores_and_their_backups_are_looked_at() {
        let places: Vec<_> = places(&app(), "sid")
            .unwrap()
            .into_iter()
            .map(|place| (place.storage.bucket, place.folder))
            .collect();
        let expected = [
            ("new", "p/a/sid/"),
            ("backup", "p/p/a/sid/"),
            ("old", "p/a/sid/"),
            ("backup", "p/p/a/sid/"),
        ];
        assert_eq!(places, expected.map(|(bucket, folder)| (bucket.into(), folder.into())));
        assert!(super::places(&App::new("a", "t", "d", NOW), "sid").is_err());
    }

    #[test]
    fn only_what_was_asked_for_is_deleted() {
        let place = &places(&app(), "sid").unwrap()[0];
        let list = |keys: &[&str]| {
            let keys: String = keys
                .iter()
                .map(|key| format!("<Contents><Key>{key}</Key></Contents>"))
                .collect();
            format!("<ListBucketResult>{keys}</ListBucketResult>")
        };
        let urls = place
            .deletions(200, &list(&["p/a/sid/1.ts", "p/a/sid/x/2.ts"]), NOW)
            .unwrap();
        assert!(
            urls[0].starts_with("https://s3.example/new/p/a/sid/1.ts?X-Amz-"),
            "{urls:?}"
        );
        assert_eq!(urls.len(), 2);
        assert_eq!(place.deletions(200, &list(&[]), NOW).unwrap(), [""; 0]);
        assert!(
            place
                .deletions(200, &list(&["p/a/sid/1.ts", "p/a/sid2/1.ts"]), NOW)
                .is_err()
        );
        assert!(place.deletions(200, "<Error/>", NOW).is_err());
        assert!(place.deletions(403, &list(&[]), NOW).is_err());
        let id = HouseStorage::id(&storage("old"));
        let url = object(&app(), &id, "p/a/sid/2.mp4", NOW).unwrap();
        assert!(url.starts_with("https://s3.example/old/p/a/sid/2.mp4?X-Amz-"), "{url}");
        assert!(object(&app(), "gone", "p/a/sid/2.mp4", NOW).is_err());
        for (status, gone) in [
            (200, true),
            (204, true),
            (404, true),
            (403, false),
            (500, false),
            (301, false),
        ] {
            assert_eq!(deleted(status).is_ok(), gone, "{status}");
        }
    }
}
