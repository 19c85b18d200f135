/// From so many bytes on FFmpeg, and what is built on it, tells a transport stream from other files: ten packets of the
/// largest kind, 204 bytes each.
pub const RECOGNISED: u64 = 10 * 204;

const PACKET: usize = 188;

/// Null packets, ISO/IEC 13818-1 2.4.3.3, which players pass over, for the end of a slice of so many bytes; none behind one
/// that is empty or long enough.
pub fn padding(bytes: u64) -> Vec<u8> {
    if bytes == 0 {
        return Vec::new();
    }
    let mut null = [0xff; PACKET];
    null[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
    let packets = RECOGNISED.saturating_sub(bytes).div_ceil(PACKET as u64);
    null.repeat(packets as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::finish_slice;
    use crate::media::{self, TsDemuxer};

    #[test]
    fn short_slices_only_are_padded_by_whole_packets() {
        for (bytes, packets) in [
            (0, 0),
            (188, 10),
            (1_880, 1),
            (1_973, 1),
            (2_040, 0),
            (2_068, 0),
            (1 << 40, 0),
        ] {
            let padding = padding(bytes);
            assert_eq!(padding.len(), packets * PACKET, "{bytes}");
            assert!(
                padding
                    .chunks(PACKET)
                    .all(|packet| packet[..4] == [0x47, 0x1f, 0xff, 0x10])
            );
        }
    }

    #[test]
    fn a_slice_that_is_cut_off_after_a_moment_is_still_known_for_what_it_is() {
        media::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (whole, cut) = (dir.path().join("whole.ts"), dir.path().join("cut.ts"));
        let made = std::process::Command::new("ffmpeg")
            .args([
                "-nostdin",
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "color=c=black:s=64x36:r=25:d=2",
            ])
            .args(["-c:v", "libx264", "-bf", "0", "-f", "mpegts"])
            .arg(&whole)
            .status();
        assert!(made.unwrap().success());
        let bytes = std::fs::read(whole).unwrap();
        let mut padded = 0;
        for length in (2_100..6_000).step_by(300) {
            std::fs::write(&cut, &bytes[..length]).unwrap();
            let probe = finish_slice(&cut).unwrap().unwrap();
            let mut demuxer = TsDemuxer::open(&cut).unwrap();
            let found = std::iter::from_fn(|| demuxer.next_unit().unwrap()).count();
            assert!(found as u64 >= probe.units, "{length}: {found} of {probe:?}");
            padded += usize::from((2_040..2_228).contains(&probe.bytes));
        }
        assert!(padded > 0);
    }
}
