use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::media::{self, MediaError, Mp4Brand};

/// Begin and end of a JPEG picture: the markers SOI and EOI, ITU-T T.81.
const JPEG_BEGIN: [u8; 2] = [0xff, 0xd8];
const JPEG_END: [u8; 2] = [0xff, 0xd9];

#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("the file cannot be replaced: {0}")]
    Replace(#[from] io::Error),
}

/// What is left of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileProbe {
    /// More than 0.
    pub duration_us: i64,
    pub bytes: u64,
}

/// Makes an MP4 file of fragments, which may be cut off at any byte, a whole one with its index in front; a file that is
/// that already stays one. It is made at `scratch` and then renamed. `None` when no fragment is whole.
pub fn finish_mp4(path: &Path, scratch: &Path, brand: Mp4Brand) -> Result<Option<FileProbe>, FinishError> {
    if std::fs::metadata(path)?.len() == 0 {
        return Ok(None);
    }
    media::move_index_to_front(path, scratch, brand)?;
    std::fs::rename(scratch, path)?;
    let probe = FileProbe {
        duration_us: media::duration_us(path)?,
        bytes: std::fs::metadata(path)?.len(),
    };
    Ok(Some(probe).filter(|probe| probe.duration_us > 0))
}

/// Length in bytes of a JPEG picture; `None` when it was cut off. A picture is written at once, so that its last marker
/// is there only if all of it is.
pub fn whole_jpeg(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes < 4 {
        return Ok(None);
    }
    let (mut begin, mut end) = ([0; 2], [0; 2]);
    file.read_exact(&mut begin)?;
    file.seek(SeekFrom::End(-2))?;
    file.read_exact(&mut end)?;
    Ok((begin == JPEG_BEGIN && end == JPEG_END).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_whole_from_its_first_to_its_last_marker() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("picture");
        let length = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            whole_jpeg(&path).unwrap()
        };
        assert_eq!(length(&[0xff, 0xd8, 1, 2, 3, 0xff, 0xd9]), Some(7));
        assert_eq!(length(&[0xff, 0xd8, 1, 2, 3, 0xff]), None);
        assert_eq!(length(&[1, 2, 3, 4, 0xff, 0xd9]), None);
        assert_eq!(length(&[]), None);
    }

    #[test]
    fn an_mp4_file_without_a_fragment_is_not_kept() {
        media::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (path, scratch) = (dir.path().join("1.part"), dir.path().join("1.scratch"));
        std::fs::write(&path, b"").unwrap();
        assert_eq!(finish_mp4(&path, &scratch, Mp4Brand::Mp4).unwrap(), None);
        std::fs::write(&path, b"\0\0\0\x10ftypisom").unwrap();
        assert!(finish_mp4(&path, &scratch, Mp4Brand::Mp4).is_err());
    }
}
