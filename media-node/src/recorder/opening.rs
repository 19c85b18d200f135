//! The spool of a recording off the runtime's threads, with the media library to finish what a crash has cut off.

use std::path::Path;
use std::sync::Arc;

use protocol::FileFormat;

use crate::container;
use crate::spool::{CutFile, Finish, Lone, LoneKind, Opening, Probed, Remains, Spool, SpoolError};

/// How the media library finishes what was cut off.
pub(super) const FINISH: Finish<'static> = Finish {
    slice: &probe,
    lone: &finish_lone,
};

/// Opens a spool off the runtime's threads; what was cut off is finished by the media library.
pub async fn open_spool(dir: &Path, opening: Opening) -> Result<Arc<Spool>, SpoolError> {
    let path = dir.to_owned();
    let open = move || Spool::open(&path, opening, FINISH).map(Arc::new);
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => opened,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn probe(slice: &Path) -> Remains {
    match container::finish_slice(slice) {
        Ok(probe) => measured(probe.map(|probe| (probe.duration_us, probe.bytes))),
        Err(error) => {
            tracing::warn!(slice = %slice.display(), %error, "a slice that was being written cannot be read");
            unreadable(slice, container::SHORTEST_SLICE)
        }
    }
}

fn measured(found: Option<(i64, u64)>) -> Remains {
    found.map(|(duration_us, bytes)| Probed::new(duration_us, bytes)).into()
}

/// For a file that cannot be read: it holds nothing when it is shorter than anything that could be.
fn unreadable(path: &Path, shortest: u64) -> Remains {
    match std::fs::metadata(path) {
        Ok(file) if file.len() < shortest => Remains::Nothing,
        _ => Remains::Unreadable,
    }
}

/// For a slice whose end another node has.
pub(super) fn cut(slice: &Path, after_us: i64) -> Remains {
    match container::cut_slice(slice, after_us) {
        Ok(probe) => measured(probe.map(|probe| (probe.duration_us, probe.bytes))),
        Err(error) => {
            tracing::warn!(slice = %slice.display(), %error, "a slice that another node continues cannot be read");
            Remains::Unreadable
        }
    }
}

fn finish_lone(lone: &Lone, cut: CutFile<'_>) -> Remains {
    let format = match lone.kind {
        LoneKind::Mp4 => Some(FileFormat::Mp4),
        LoneKind::M4a => Some(FileFormat::M4a),
        LoneKind::Mp3 => Some(FileFormat::Mp3),
        LoneKind::Picture => None,
    };
    let finished = match format {
        Some(format) => container::finish_whole(format, cut.path, cut.scratch)
            .map(|whole| {
                whole.map(|whole| Probed {
                    duration_us: whole.duration_us,
                    bytes: whole.bytes,
                    md5: Some(whole.md5),
                })
            })
            .map_err(|error| error.to_string()),
        None => container::whole_jpeg(cut.path)
            .map(|bytes| bytes.map(|bytes| Probed::new(0, bytes)))
            .map_err(|error| error.to_string()),
    };
    match finished {
        Ok(found) => found.into(),
        Err(error) => {
            tracing::warn!(name = lone.name, error, "a file that was being written cannot be read");
            // Of an MP4 file all is cut away that is no whole fragment.
            unreadable(cut.path, 1)
        }
    }
}
