use crate::bucket::Bucket;
use crate::customer::Task;
use crate::frames;

use super::names::{Name, parse_utc};

/// One picture of a user, as it lies in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub key: String,
    pub uid: String,
    /// The time in its name, Unix milliseconds.
    pub at_ms: i64,
    /// The number of the frame that it shows.
    pub frame: i64,
}

/// All pictures below the task's prefix, by uid and time.
///
/// # Panics
/// When one is not named as documented, is not a picture, or has wrong headers.
pub async fn snapshots(bucket: &Bucket, task: &Task) -> Vec<Snapshot> {
    let mut snapshots = Vec::new();
    for key in bucket.keys(&task.prefix).await {
        let Some(name) = key
            .strip_prefix(&task.prefix)
            .and_then(|name| name.strip_suffix(".jpg"))
        else {
            continue;
        };
        let (stem, utc) = name.rsplit_once('_').expect("a time in the name");
        let name = Name::parse(stem).unwrap_or_else(|| panic!("{key} is not named as documented"));
        assert_eq!((&name.sid, &name.channel), (&task.sid, &task.cname), "{key}");
        assert_eq!(name.kind, protocol::TrackKind::Video, "{key}");
        let object = bucket.get(&key).await.expect("a listed object");
        object.assert_headers();
        snapshots.push(Snapshot {
            uid: name.uid,
            at_ms: parse_utc(utc).unwrap_or_else(|| panic!("{key} has no time")),
            frame: frames::number(&object.data).await,
            key,
        });
    }
    snapshots.sort_by(|one, other| (&one.uid, one.at_ms).cmp(&(&other.uid, other.at_ms)));
    snapshots
}
