use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest as _, Md5};
use protocol::FileFormat;

use super::lone::{FileProbe, FinishError, finish_mp4};
use super::mp3::finish_mp3;
use crate::media::Mp4Brand;

/// Bytes that are read at a time for a file's digest.
const CHUNK: usize = 1 << 20;

/// A whole file that is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// More than 0.
    pub duration_us: i64,
    pub bytes: u64,
    /// The MD5 of all of it, 32 lower-case hexadecimal characters.
    pub md5: String,
}

/// Makes what was written of a file, which may be cut off at any byte, a whole one with its index in front; one that is that
/// already stays so. It is made at `scratch` and then renamed. `None` when nothing of it is whole.
pub fn finish_whole(format: FileFormat, path: &Path, scratch: &Path) -> Result<Option<Whole>, FinishError> {
    let found = match format {
        FileFormat::Mp4 => finish_mp4(path, scratch, Mp4Brand::Mp4),
        FileFormat::M4a => finish_mp4(path, scratch, Mp4Brand::M4a),
        FileFormat::Mp3 => finish_mp3(path, scratch),
    };
    let Some(FileProbe { duration_us, bytes }) = found? else {
        return Ok(None);
    };
    Ok(Some(Whole {
        duration_us,
        bytes,
        md5: file_md5(path)?,
    }))
}

/// The MD5 of a file, 32 lower-case hexadecimal characters.
pub fn file_md5(path: &Path) -> io::Result<String> {
    let (mut file, mut chunk) = (File::open(path)?, vec![0; CHUNK]);
    let mut hash = Md5::new();
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hash.update(chunk.get(..read).unwrap_or_default());
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321, A.5.
    #[test]
    fn a_digest_is_that_of_all_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let of = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            file_md5(&path).unwrap()
        };
        assert_eq!(of(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(of(b"message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    }
}
