//! MP3 files: frames of MPEG-1 layer III one behind the other, after ISO/IEC 11172-3. What was cut off is whole up to its last
//! whole frame; a finished file begins with a frame of silence that tells players how many follow.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::lone::{FileProbe, FinishError};

/// Bits a second of a frame, by the number in its header, in thousands.
const KBPS: [u32; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
const RATES: [u32; 3] = [44_100, 48_000, 32_000];
/// Samples of a frame, for each channel.
const SAMPLES: i64 = 1_152;
const HEADER: usize = 4;
/// What begins the frame that tells how many follow, where all have one bit rate.
const MARK: &[u8; 4] = b"Info";
/// The mark, what follows it (the number of frames, the number of bytes), and these two.
const INFO: usize = 16;

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    bytes: usize,
    rate: u32,
    /// Where the mark stands, if there is one: behind the side information.
    mark_at: usize,
}

/// `None` when it is no header of a frame of these.
fn header(of: [u8; HEADER]) -> Option<Header> {
    let [sync, kind, figures, modes] = of;
    if sync != 0xff || kind & 0xfe != 0xfa {
        return None;
    }
    let kbps = *KBPS.get(usize::from(figures >> 4))?;
    let rate = *RATES.get(usize::from(figures >> 2 & 3))?;
    if kbps == 0 {
        return None;
    }
    let padding = usize::from(figures >> 1 & 1);
    let is_mono = modes >> 6 == 3;
    let side = if is_mono { 17 } else { 32 };
    Some(Header {
        bytes: (144_000 * kbps / rate) as usize + padding,
        rate,
        mark_at: HEADER + side,
    })
}

/// The whole frames of a file, one after the other, but for the one that counts them.
struct Frames<R> {
    from: R,
    rate: u32,
    /// The first four bytes of the first frame.
    first: [u8; HEADER],
}

impl<R: Read> Frames<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            rate: 0,
            first: [0; HEADER],
        }
    }

    /// The next whole frame; `None` at the end, or where something else follows.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut begin = [0; HEADER];
            if !read_whole(&mut self.from, &mut begin)? {
                return Ok(None);
            }
            let Some(header) = header(begin) else { return Ok(None) };
            let mut frame = vec![0; header.bytes];
            let (own, rest) = frame.split_at_mut(HEADER);
            own.copy_from_slice(&begin);
            if !read_whole(&mut self.from, rest)? {
                return Ok(None);
            }
            let counts = frame.get(header.mark_at..).is_some_and(|rest| rest.starts_with(MARK));
            if self.rate == 0 {
                (self.rate, self.first) = (header.rate, begin);
                if counts {
                    continue;
                }
            }
            return Ok(Some(frame));
        }
    }
}

/// False when less is left.
fn read_whole(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes an MP3 file, which may be cut off at any byte, one of whole frames with their number in front; a file that is that
/// already stays one. It is made at `scratch` and then renamed. `None` when no frame is whole.
pub fn finish_mp3(path: &Path, scratch: &Path) -> Result<Option<FileProbe>, FinishError> {
    let (mut count, mut bytes) = (0_u32, 0_u64);
    let mut frames = Frames::new(BufReader::new(File::open(path)?));
    while let Some(frame) = frames.next()? {
        count = count.saturating_add(1);
        bytes += frame.len() as u64;
    }
    let (Some(form), true) = (header(frames.first), count > 0) else {
        return Ok(None);
    };
    let mut whole = BufWriter::new(File::create(scratch)?);
    if let Some(info) = info(frames.first, form, count, bytes) {
        whole.write_all(&info)?;
    }
    let mut frames = Frames::new(BufReader::new(File::open(path)?));
    while let Some(frame) = frames.next()? {
        whole.write_all(&frame)?;
    }
    whole.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(scratch, path)?;
    Ok(Some(FileProbe {
        duration_us: i64::from(count) * SAMPLES * 1_000_000 / i64::from(form.rate),
        bytes: std::fs::metadata(path)?.len(),
    }))
}

/// The frame that counts those behind it. `None` where frames are too small to hold it.
fn info(first: [u8; HEADER], form: Header, count: u32, bytes: u64) -> Option<Vec<u8>> {
    let mut frame = vec![0; form.bytes];
    frame.get_mut(..HEADER)?.copy_from_slice(&first);
    // No checksum follows.
    *frame.get_mut(1)? |= 1;
    let all = u32::try_from(bytes + form.bytes as u64).unwrap_or(u32::MAX);
    let mut told = [0; INFO];
    told[..4].copy_from_slice(MARK);
    // Both numbers are there, and nothing else.
    told[7] = 3;
    told[8..12].copy_from_slice(&count.to_be_bytes());
    told[12..].copy_from_slice(&all.to_be_bytes());
    frame.get_mut(form.mark_at..form.mark_at + INFO)?.copy_from_slice(&told);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 kbit/s at 48 kHz, mono, without a checksum.
    const BEGIN: [u8; HEADER] = [0xff, 0xfb, 0x54, 0xc4];
    const BYTES: usize = 192;

    fn frame(fill: u8) -> Vec<u8> {
        let mut frame = vec![fill; BYTES];
        frame[..HEADER].copy_from_slice(&BEGIN);
        frame
    }

    #[test]
    fn a_header_says_how_long_its_frame_is() {
        let of = |bytes| header(bytes).map(|header| (header.bytes, header.rate, header.mark_at));
        assert_eq!(of(BEGIN), Some((BYTES, 48_000, 21)));
        assert_eq!(of([0xff, 0xfb, 0x92, 0x00]), Some((418, 44_100, 36)), "padded");
        for wrong in [
            [0xff, 0xf3, 0x54, 0xc4],
            [0xff, 0xfb, 0xf4, 0xc4],
            [0xff, 0xfb, 0x5c, 0xc4],
            [0, 0, 0, 0],
        ] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_off_at_any_byte_is_whole_up_to_its_last_whole_frame() {
        let dir = tempfile::tempdir().unwrap();
        let (path, scratch) = (dir.path().join("1.part"), dir.path().join("1.scratch"));
        let media: Vec<u8> = (1..=5).flat_map(frame).collect();
        for length in (0..=media.len()).step_by(31).chain([media.len()]) {
            std::fs::write(&path, &media[..length]).unwrap();
            let found = finish_mp3(&path, &scratch).unwrap();
            let frames = length / BYTES;
            assert_eq!(
                found.map(|probe| probe.duration_us),
                (frames > 0).then(|| frames as i64 * 24_000)
            );
            let Some(probe) = found else { continue };
            let whole = std::fs::read(&path).unwrap();
            assert_eq!(whole.len() as u64, probe.bytes);
            assert_eq!(whole[BYTES..], media[..frames * BYTES], "nothing is encoded again");
            assert_eq!(whole[21..25], *MARK);
            assert_eq!(whole[29..33], (frames as u32).to_be_bytes());
            let again = finish_mp3(&path, &scratch).unwrap();
            assert_eq!(
                (again, std::fs::read(&path).unwrap()),
                (found, whole),
                "it stays as it is"
            );
        }
    }
}
