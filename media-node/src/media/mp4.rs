use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use ffmpeg_next::codec::packet;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, format};

use super::MediaError;
use super::copy::{self, Steps};
use super::describe::{MuxedTrack, add_track};
use crate::stream::AccessUnit;

/// Longest stretch of media, in microseconds, that an MP4 file has to hold back before it is readable.
const FRAGMENT_US: u32 = 250_000;

/// Writes coded units of several tracks into one MP4 file in fragments: what is written can be read at any time, also
/// after the process was killed.
pub struct Mp4Muxer {
    output: Output,
    start_us: i64,
    durations_us: Vec<i64>,
}

impl Mp4Muxer {
    /// The tracks are numbered as given. `start_us` is the time of the units with which the file begins.
    pub fn create(path: &Path, tracks: &[MuxedTrack], start_us: i64) -> Result<Self, MediaError> {
        let mut output = format::output_as(path, "mp4").map_err(MediaError::during("create this file"))?;
        for track in tracks {
            add_track(&mut output, &track.format)?;
        }
        let mut options = Dictionary::new();
        // The index waits for the first fragment, so that it can tell by how much pictures were reordered.
        options.set("movflags", "delay_moov+default_base_moof");
        options.set("frag_duration", &FRAGMENT_US.to_string());
        options.set("flush_packets", "1");
        options.set("fflags", "+bitexact");
        let unknown = output
            .write_header_with(options)
            .map_err(MediaError::during("begin this file"))?
            .iter()
            .count();
        if unknown > 0 {
            return Err(MediaError::new("take the options for this file", Error::OptionNotFound));
        }
        Ok(Self {
            output,
            start_us,
            durations_us: tracks.iter().map(|track| track.duration_us).collect(),
        })
    }

    /// Writes the next unit; over all tracks they come in the order of decoding times.
    pub fn write(&mut self, track: usize, unit: &AccessUnit) -> Result<(), MediaError> {
        let base = self
            .output
            .stream(track)
            .map_or(Rational(1, 90_000), |stream| stream.time_base());
        let mut packet = Packet::copy(&unit.data);
        packet.set_stream(track);
        packet.set_pts(Some(ticks(unit.pts_us - self.start_us, base)));
        packet.set_dts(Some(ticks(unit.dts_us - self.start_us, base)));
        packet.set_duration(
            self.durations_us
                .get(track)
                .map_or(0, |duration_us| ticks(*duration_us, base)),
        );
        if unit.keyframe {
            packet.set_flags(packet::Flags::KEY);
        }
        packet
            .write(&mut self.output)
            .map_err(MediaError::during("write into this file"))
            .map(|_| ())
    }

    pub fn finish(mut self) -> Result<(), MediaError> {
        self.output
            .write_trailer()
            .map_err(MediaError::during("finish this file"))
    }
}

/// Cuts a fragmented MP4 file behind its last whole fragment. Answers its length then; 0 if there is no whole fragment.
fn cut_to_whole_fragments(path: &Path) -> io::Result<u64> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let size = file.metadata()?.len();
    let (mut next, mut whole) = (0, 0);
    while size.saturating_sub(next) >= 8 {
        file.seek(SeekFrom::Start(next))?;
        let mut header = [0; 16];
        file.read_exact(&mut header[..8])?;
        let [a, b, c, d, kind @ .., _, _, _, _, _, _, _, _] = header;
        let length = match u64::from(u32::from_be_bytes([a, b, c, d])) {
            1 if size - next >= 16 => {
                file.read_exact(&mut header[8..])?;
                let [.., a, b, c, d, e, f, g, h] = header;
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            length => length,
        };
        if length < 8 || length > size - next {
            break;
        }
        next += length;
        if &kind == b"mdat" {
            whole = next;
        }
    }
    file.set_len(whole)?;
    Ok(whole)
}

/// What a finished MP4 file says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mp4Brand {
    Mp4,
    /// Sound alone.
    M4a,
}

const FINISHING: Steps = Steps {
    create: "create the finished file",
    begin: "begin the finished file",
    read: "read the file to finish",
};

/// Copies a fragmented MP4 file into one with a single index in front of the media. Nothing is encoded again. If the
/// file's writer was killed, an unfinished fragment at its end is cut off before.
pub fn move_index_to_front(from: &Path, to: &Path, brand: Mp4Brand) -> Result<(), MediaError> {
    cut_to_whole_fragments(from).map_err(|error| {
        let source = error
            .raw_os_error()
            .map_or(Error::Unknown, |errno| Error::Other { errno });
        MediaError::new("cut the file to finish", source)
    })?;
    let mut input = format::input(from).map_err(MediaError::during("open the file to finish"))?;
    let muxer = match brand {
        Mp4Brand::Mp4 => "mp4",
        Mp4Brand::M4a => "ipod",
    };
    let mut output = copy::begin(&input, to, muxer, FINISHING)?;
    while let Some(packet) = copy::next(&mut input, &output, FINISHING)? {
        packet
            .write_interleaved(&mut output)
            .map_err(MediaError::during("write the finished file"))?;
    }
    output.write_trailer().map_err(MediaError::during("finish this file"))
}

/// How long a media file plays by its own index, in microseconds.
pub fn duration_us(path: &Path) -> Result<i64, MediaError> {
    // FFmpeg counts a file's duration in microseconds.
    format::input(path)
        .map(|input| input.duration())
        .map_err(MediaError::during("open this file"))
}

fn ticks(us: i64, base: Rational) -> i64 {
    let (numerator, denominator) = (i128::from(base.numerator().max(1)), i128::from(base.denominator()));
    let unit = numerator * 1_000_000;
    i64::try_from((i128::from(us) * denominator + unit / 2).div_euclid(unit)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::media::testing::{FPS, grey_and_silence, times};
    use crate::stream::Track;

    /// First and last presentation times and the number of units of a track.
    fn summary(path: &Path, wanted: Track) -> (i64, i64, usize) {
        let times = times(path, wanted);
        (times[0], times[times.len() - 1], times.len())
    }

    #[test]
    fn all_units_are_kept_at_their_times() {
        let directory = tempfile::tempdir().unwrap();
        let (tracks, units) = grey_and_silence(64);
        let path = directory.path().join("out.mp4");
        let mut muxer = Mp4Muxer::create(&path, &tracks, -5_000_000).unwrap();
        for (track, unit) in &units {
            let shifted = AccessUnit {
                pts_us: unit.pts_us - 5_000_000,
                dts_us: unit.dts_us - 5_000_000,
                ..unit.clone()
            };
            muxer.write(*track, &shifted).unwrap();
        }
        muxer.finish().unwrap();
        assert_eq!(summary(&path, Track::Video), (0, 89 * 1_000_000 / FPS, 90));
        let (first, _, frames) = summary(&path, Track::Audio);
        assert_eq!(
            (first, frames),
            (0, units.iter().filter(|(track, _)| *track == 1).count())
        );
    }

    #[test]
    fn a_fragmented_file_that_is_cut_off_anywhere_can_be_finished() {
        let directory = tempfile::tempdir().unwrap();
        let (tracks, units) = grey_and_silence(64);
        let whole = directory.path().join("whole.mp4");
        let mut muxer = Mp4Muxer::create(&whole, &tracks, 0).unwrap();
        let mut written = Vec::new();
        for (track, unit) in &units {
            muxer.write(*track, unit).unwrap();
            written.push((unit.dts_us, fs::metadata(&whole).unwrap().len()));
        }
        muxer.finish().unwrap();
        let bytes = fs::read(&whole).unwrap();
        for part in 1..12 {
            let length = bytes.len() * part / 12;
            let cut = directory.path().join("cut.mp4");
            let finished = directory.path().join("finished.mp4");
            fs::write(&cut, &bytes[..length]).unwrap();
            // What was given to the muxer when the file had this length.
            let given_us = written
                .iter()
                .rev()
                .find(|(_, size)| *size <= length as u64)
                .map_or(0, |(us, _)| *us);
            if given_us < 1_000_000 {
                continue;
            }
            move_index_to_front(&cut, &finished, Mp4Brand::Mp4).unwrap();
            let (_, last_us, _) = summary(&finished, Track::Video);
            assert!(
                given_us - last_us <= 1_200_000,
                "of {given_us} µs {last_us} are left at {length} bytes"
            );
            let length_us = duration_us(&finished).unwrap();
            assert!((last_us..last_us + 200_000).contains(&length_us), "{length_us} µs");
            let data = fs::read(&finished).unwrap();
            let place = |name: &[u8]| data.windows(4).position(|window| window == name);
            assert!(place(b"moov") < place(b"mdat") && place(b"moof").is_none());
        }
    }
}
