//! What FFmpeg's decoders make of what was captured.

use std::path::Path;
use std::process::Command;

use super::ffmpeg::Capture;
use crate::stream::{AccessUnit, Track};

/// What stands in an IVF file by the names of the codecs, where FFmpeg reads no bare stream of them.
const IVF: [(&str, &[u8; 4]); 2] = [("vp8", b"VP80"), ("vp9", b"VP90")];

/// Units as an IVF file.
fn ivf(codec: [u8; 4], units: &[&AccessUnit]) -> Vec<u8> {
    let mut file = [
        b"DKIF\0\0\x20\0",
        &codec[..],
        &[64, 1, 180, 0, 64, 66, 15, 0, 1, 0, 0, 0],
        &[0; 8],
    ]
    .concat();
    for unit in units {
        file.extend((unit.data.len() as u32).to_le_bytes());
        file.extend((unit.pts_us as u64).to_le_bytes());
        file.extend(&unit.data);
    }
    file
}

/// Frames that a decoder makes of the captured video in this codec, as FFmpeg calls it, and what it says.
pub(super) fn decode(capture: &Capture, codec: &str, path: &Path) -> (usize, String) {
    let units = capture.units(Track::Video);
    let in_ivf = IVF.iter().find(|(name, _)| *name == codec);
    let (format, stream) = match in_ivf {
        Some((_, fourcc)) => ("ivf", ivf(**fourcc, &units)),
        None => (codec, units.iter().flat_map(|unit| unit.data.to_vec()).collect()),
    };
    std::fs::write(path, stream).unwrap();
    let arguments = [
        "-v",
        "warning",
        "-count_frames",
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "csv=p=0",
    ];
    let output = Command::new("ffprobe")
        .args(arguments)
        .args(["-f", format])
        .arg(path)
        .output()
        .unwrap();
    let frames = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .trim_end_matches(',')
        .parse()
        .unwrap();
    (frames, String::from_utf8(output.stderr).unwrap())
}
