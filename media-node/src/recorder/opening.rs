//! The spool of a recording off the runtime's threads, with the media library to finish what a crash has cut off.

use std::path::Path;
use std::sync::Arc;

use crate::container;
use crate::spool::{CutFile, Finish, Lone, LoneKind, Opening, Probed, Spool, SpoolError};

/// Opens a spool off the runtime's threads; what was cut off is finished by the media library.
pub async fn open_spool(dir: &Path, opening: Opening) -> Result<Arc<Spool>, SpoolError> {
    let path = dir.to_owned();
    let finish = Finish {
        slice: &probe,
        lone: &finish_lone,
    };
    let open = move || Spool::open(&path, opening, finish).map(Arc::new);
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => opened,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn probe(slice: &Path) -> Option<Probed> {
    match container::finish_slice(slice) {
        Ok(probe) => probe.map(|probe| Probed {
            duration_us: probe.duration_us,
            bytes: probe.bytes,
        }),
        Err(error) => {
            tracing::warn!(slice = %slice.display(), %error, "a slice that was being written cannot be read");
            None
        }
    }
}

/// For a slice whose end another node has.
pub(super) fn cut(slice: &Path, after_us: i64) -> Option<Probed> {
    match container::cut_slice(slice, after_us) {
        Ok(probe) => probe.map(|probe| Probed {
            duration_us: probe.duration_us,
            bytes: probe.bytes,
        }),
        Err(error) => {
            tracing::warn!(slice = %slice.display(), %error, "a slice that another node continues cannot be read");
            None
        }
    }
}

fn finish_lone(lone: &Lone, cut: CutFile<'_>) -> Option<Probed> {
    let finished = match lone.kind {
        LoneKind::Mp4 => container::finish_mp4(cut.path, cut.scratch)
            .map(|probe| probe.map(|probe| (probe.duration_us, probe.bytes)))
            .map_err(|error| error.to_string()),
        LoneKind::Picture => container::whole_jpeg(cut.path)
            .map(|bytes| bytes.map(|bytes| (0, bytes)))
            .map_err(|error| error.to_string()),
    };
    match finished {
        Ok(found) => found.map(|(duration_us, bytes)| Probed { duration_us, bytes }),
        Err(error) => {
            tracing::warn!(name = lone.name, error, "a file that was being written cannot be read");
            None
        }
    }
}
