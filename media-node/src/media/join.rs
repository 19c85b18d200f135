use std::path::Path;

use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Error, Rational, ffi, format};

use super::MediaError;
use super::copy::{self, Steps};
use super::form::FileForm;

const MICROSECONDS: Rational = Rational(1, 1_000_000);

const STEPS: Steps = Steps {
    create: "create the joined file",
    begin: "begin the joined file",
    read: "read this file",
};

/// Puts files of MP4 behind one another into one, with its index in front. Nothing is encoded again, so all must have the same
/// tracks, coded in the same way.
pub struct Mp4Joiner {
    output: Output,
    form: FileForm,
    /// Where the next file begins, in microseconds.
    next_us: i64,
}

impl Mp4Joiner {
    /// A file at `to` with the tracks of `first`, and nothing in it yet.
    pub fn begin(first: &Path, to: &Path) -> Result<Self, MediaError> {
        let input = format::input(first).map_err(MediaError::during("open this file"))?;
        let output = copy::begin(&input, to, "mp4", STEPS)?;
        Ok(Self {
            output,
            form: FileForm::of(&input),
            next_us: 0,
        })
    }

    /// Puts a file behind those before it, where the longest of their tracks has ended.
    pub fn append(&mut self, part: &Path) -> Result<(), MediaError> {
        let mut input = format::input(part).map_err(MediaError::during("open this file"))?;
        if !self.form.fits(&FileForm::of(&input)) {
            return Err(MediaError::new(
                "put it behind a file whose pictures or sound are coded in another way",
                Error::InvalidData,
            ));
        }
        let mut end_us = self.next_us;
        while let Some(mut packet) = copy::next(&mut input, &self.output, STEPS)? {
            let Some(track) = self.output.stream(packet.stream()) else {
                continue;
            };
            let base = track.time_base();
            let shift = rescaled(self.next_us, MICROSECONDS, base);
            packet.set_pts(packet.pts().map(|pts| pts.saturating_add(shift)));
            packet.set_dts(packet.dts().map(|dts| dts.saturating_add(shift)));
            if let Some(pts) = packet.pts() {
                let end = pts.saturating_add(packet.duration());
                end_us = end_us.max(rescaled(end, base, MICROSECONDS));
            }
            packet
                .write_interleaved(&mut self.output)
                .map_err(MediaError::during("write the joined file"))?;
        }
        self.next_us = end_us;
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), MediaError> {
        self.output
            .write_trailer()
            .map_err(MediaError::during("finish the joined file"))
    }
}

fn rescaled(time: i64, from: Rational, to: Rational) -> i64 {
    // SAFETY: a function of its arguments alone.
    unsafe { ffi::av_rescale_q(time, from.into(), to.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::duration_us;
    use crate::media::testing::{FPS, grey_file, times};
    use crate::stream::Track;

    #[test]
    fn files_follow_one_another_without_a_hole_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let (first, joined) = (grey_file(dir.path(), "first.mp4", 64), dir.path().join("joined.mp4"));
        let mut joiner = Mp4Joiner::begin(&first, &joined).unwrap();
        (0..3).for_each(|_| joiner.append(&first).unwrap());
        joiner.finish().unwrap();
        let part_us = duration_us(&first).unwrap();
        let whole_us = duration_us(&joined).unwrap();
        assert!(
            (whole_us - 3 * part_us).abs() < 100_000,
            "{whole_us} µs of {part_us} µs"
        );
        for track in [Track::Video, Track::Audio] {
            let (part, whole) = (times(&first, track), times(&joined, track));
            assert_eq!(whole.len(), 3 * part.len(), "{track:?}");
            let widest = whole.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(widest <= 2_000_000 / FPS, "a hole of {widest} µs");
        }
        let data = std::fs::read(&joined).unwrap();
        let place = |name: &[u8]| data.windows(4).position(|window| window == name);
        assert!(place(b"moov") < place(b"mdat"), "the index is in front");
    }

    #[test]
    fn files_that_are_coded_in_another_way_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (first, other) = (
            grey_file(dir.path(), "first.mp4", 64),
            grey_file(dir.path(), "other.mp4", 128),
        );
        let mut joiner = Mp4Joiner::begin(&first, &dir.path().join("joined.mp4")).unwrap();
        joiner.append(&first).unwrap();
        let error = joiner.append(&other).unwrap_err();
        assert!(error.to_string().contains("coded in another way"), "{error}");
        let no_file = dir.path().join("none.mp4");
        std::fs::write(&no_file, "text").unwrap();
        assert!(joiner.append(&no_file).is_err());
    }
}
