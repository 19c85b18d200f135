use std::path::Path;

use super::{PART, SLICES, Spool};

/// What a spool holds that no store has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The size of whole files and of those that are being written.
    pub bytes: u64,
    /// Wall-clock time of the oldest media in a whole file, Unix milliseconds.
    pub since_ms: Option<u64>,
}

impl Spool {
    pub fn backlog(&self) -> Backlog {
        let mut backlog = Backlog::default();
        let growing: Vec<u64> = {
            let inner = self.lock();
            for file in inner.state.waiting() {
                backlog.bytes = backlog.bytes.saturating_add(file.bytes);
                let since_ms = backlog.since_ms.unwrap_or(u64::MAX);
                backlog.since_ms = Some(since_ms.min(file.start_ms));
            }
            inner.state.drafts.keys().copied().collect()
        };
        for number in growing {
            // One that is being committed at this moment is counted the next time.
            let length = std::fs::metadata(self.path(number, PART)).map_or(0, |file| file.len());
            backlog.bytes = backlog.bytes.saturating_add(length);
        }
        backlog
    }
}

/// Bytes of media in a spool that nobody has open; 0 where there is none.
pub fn bytes_on_disk(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir.join(SLICES)).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .fold(0, u64::saturating_add)
}
