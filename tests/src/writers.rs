//! Who writes a recording's playlists, as anybody sees who looks at the bucket all the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::bucket::Bucket;
use crate::customer::Task;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until it is dropped.
pub struct Watch {
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    looking: JoinHandle<()>,
}

/// What was seen of one playlist.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The slices that it names now.
    pub slices: Vec<String>,
    /// The newest of the recording's nodes whose slices it has named, 0 for the first.
    newest: u64,
    /// Versions that lack the newest node's slices though an earlier one had them: another node has written them.
    faults: Vec<Vec<String>>,
}

/// Which of a recording's nodes has made the slice with this name, 0 for the first.
pub fn lane(slice: &str) -> u64 {
    let stem = slice.strip_suffix(".ts").expect("a slice's name");
    stem.rsplit_once("-n")
        .map_or(0, |(_, lane)| lane.parse().expect("a number"))
}

impl Watch {
    pub fn begin(bucket: Bucket, task: &Task) -> Self {
        let seen = Arc::<Mutex<BTreeMap<String, Seen>>>::default();
        let looking = tokio::spawn(look(bucket, task.prefix.clone(), Arc::clone(&seen)));
        Self { seen, looking }
    }

    /// The playlists by their names.
    pub fn seen(&self) -> BTreeMap<String, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// # Panics
    /// When a node has written a playlist after one that came after it.
    pub fn assert_one_writer(&self) {
        assert!(!self.looking.is_finished(), "it has looked all the time");
        for (playlist, seen) in self.seen() {
            assert!(seen.faults.is_empty(), "{playlist}: {:?}", seen.faults);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(bucket: Bucket, prefix: String, seen: Arc<Mutex<BTreeMap<String, Seen>>>) {
    loop {
        let keys = bucket.keys(&prefix).await;
        for key in keys.into_iter().filter(|key| key.ends_with(".m3u8")) {
            let text = bucket.get(&key).await.expect("a listed object").data;
            let text = String::from_utf8(text.to_vec()).expect("UTF-8");
            let slices = text.lines().filter(|line| line.ends_with(".ts"));
            let slices: Vec<_> = slices.map(str::to_owned).collect();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(key).or_default().take(slices);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Seen {
    fn take(&mut self, slices: Vec<String>) {
        let newest = slices.iter().map(|name| lane(name)).max().unwrap_or(0);
        if newest < self.newest && self.slices != slices {
            self.faults.push(slices.clone());
        }
        self.newest = self.newest.max(newest);
        self.slices = slices;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_seen() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut seen = Seen::default();
        seen.take(names(&["a_1.ts"]));
        seen.take(names(&["a_1.ts", "a_2-n1.ts"]));
        seen.take(names(&["a_1.ts", "a_1b.ts", "a_2-n1.ts"]));
        assert!(seen.faults.is_empty());
        seen.take(names(&["a_1.ts", "a_1b.ts"]));
        assert_eq!(seen.faults, [names(&["a_1.ts", "a_1b.ts"])]);
    }
}
