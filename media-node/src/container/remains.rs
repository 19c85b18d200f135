use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Container, FinishError, mpegts, pieces};
use crate::container::mpegts::SliceProbe;
use crate::media::PieceFormat;

/// Measures what is left of a slice that may be cut off at any byte, and makes it one that players know for what it is. `None`
/// when nothing whole is left.
pub fn finish_slice(path: &Path) -> Result<Option<SliceProbe>, FinishError> {
    match container_of(path)? {
        Container::MpegTs => mpegts::finish_slice(path),
        Container::Mp4 => pieces::finish_slice(path, PieceFormat::Mp4),
        Container::WebM => pieces::finish_slice(path, PieceFormat::WebM),
    }
}

/// What is left of a whole slice when what is shown from `after_us` on, counted from its first unit, is cut away with all
/// that stands behind it in the file. `None` when that is nothing whole.
pub fn cut_slice(path: &Path, after_us: i64) -> Result<Option<SliceProbe>, FinishError> {
    match container_of(path)? {
        Container::MpegTs => Ok(mpegts::cut_slice(path, after_us)?),
        Container::Mp4 => pieces::cut_slice(path, PieceFormat::Mp4, after_us),
        Container::WebM => pieces::cut_slice(path, PieceFormat::WebM, after_us),
    }
}

/// By what a file begins with.
fn container_of(path: &Path) -> std::io::Result<Container> {
    let mut begin = Vec::new();
    File::open(path)?.take(8).read_to_end(&mut begin)?;
    Ok(if begin.starts_with(&pieces::WEBM_BEGIN) {
        Container::WebM
    } else if begin.ends_with(&pieces::MP4_FILE_TYPE) {
        Container::Mp4
    } else {
        Container::MpegTs
    })
}
