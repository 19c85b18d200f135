use ffmpeg_next::codec::packet;
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::{Dictionary, Error, Packet, Rational, ffi, format};

use super::MediaError;
use super::describe::add_track;
use super::pipe::Pipe;
use crate::stream::{Format, Vp8Format, Vp9Format};

/// Of the times that it takes.
const TICKS_A_SECOND: i32 = 90_000;

/// One coded unit with its times in ticks of 90 kHz, none below 0.
#[derive(Clone, Copy, Debug)]
pub struct TimedUnit<'a> {
    pub pts: i64,
    /// Greater than that of the unit before.
    pub dts: i64,
    /// Until the next unit is decoded.
    pub duration: i64,
    /// As [`AccessUnit::data`](crate::stream::AccessUnit::data), not empty.
    pub data: &'a [u8],
    pub keyframe: bool,
}

/// What pieces of media are written in. A file of either begins with a header, and any piece may follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceFormat {
    /// Its pieces are fragments.
    Mp4,
    /// Its pieces are clusters.
    WebM,
}

/// Turns the units of one track into a header and pieces, at the times that they have.
pub struct PieceMuxer {
    output: Output,
    pipe: Pipe,
    header: Vec<u8>,
}

impl PieceMuxer {
    /// Fails for a format that files of the other one cannot carry.
    pub fn new(pieces: PieceFormat, format: &Format) -> Result<Self, MediaError> {
        let (name, mut options) = match pieces {
            PieceFormat::Mp4 => ("mp4", mp4_options()),
            PieceFormat::WebM => ("webm", webm_options()),
        };
        let pipe = Pipe::default();
        let io = StreamIo::from_write(pipe.clone()).map_err(MediaError::during("make an output"))?;
        let mut output =
            format::output_to_stream(io, None, Some(name)).map_err(MediaError::during("make an output of pieces"))?;
        let vp8 = match (pieces, format) {
            (PieceFormat::Mp4, Format::Vp8(vp8)) => Some(like_vp9(vp8)),
            _ => None,
        };
        add_track(&mut output, vp8.as_ref().unwrap_or(format))?;
        if vp8.is_some() {
            // What FFmpeg does to VP9 it must not do to this.
            options.set("fflags", "+bitexact-autobsf");
        }
        let unknown = output
            .write_header_with(options)
            .map_err(MediaError::during("begin a file of this format"))?
            .iter()
            .count();
        if unknown > 0 {
            return Err(MediaError::new("take the options for pieces", Error::OptionNotFound));
        }
        let mut header = pipe.take();
        if vp8.is_some() {
            rename_entry(&mut header);
        }
        Ok(Self { output, pipe, header })
    }

    /// What each file begins with.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Takes the next unit. After an error the muxer is of no more use.
    pub fn write(&mut self, unit: TimedUnit<'_>) -> Result<(), MediaError> {
        let from = Rational(1, TICKS_A_SECOND);
        let base = self.output.stream(0).map_or(from, |stream| stream.time_base());
        let mut packet = Packet::copy(unit.data);
        packet.set_stream(0);
        packet.set_pts(Some(unit.pts));
        packet.set_dts(Some(unit.dts));
        packet.set_duration(unit.duration);
        packet.rescale_ts(from, base);
        if unit.keyframe {
            packet.set_flags(packet::Flags::KEY);
        }
        packet
            .write(&mut self.output)
            .map_err(MediaError::during("write this unit into a piece"))
            .map(|_| ())
    }

    /// The units since the last call, as a piece; nothing when there are none.
    pub fn piece(&mut self) -> Result<Vec<u8>, MediaError> {
        // SAFETY: the context is open and its header is written; a null packet asks a muxer to flush.
        let result = unsafe { ffi::av_write_frame(self.output.as_mut_ptr(), std::ptr::null_mut()) };
        if result < 0 {
            return Err(MediaError::new("end a piece", result.into()));
        }
        Ok(self.pipe.take())
    }
}

/// FFmpeg puts no VP8 into MP4, though it reads it there. How it stands there differs from VP9 in the name of its entry alone (VP
/// Codec ISO Media File Format Binding), so it is written as that.
fn like_vp9(vp8: &Vp8Format) -> Format {
    Format::Vp9(Vp9Format {
        width: vp8.width,
        height: vp8.height,
        profile: 0,
        bit_depth: 8,
        chroma_halved: (true, true),
        quarters: vp8.quarters,
    })
}

/// Calls the entry of a track what it is.
fn rename_entry(header: &mut [u8]) {
    let at = header.windows(4).position(|bytes| bytes == b"vp09");
    if let Some(entry) = at.and_then(|at| header.get_mut(at..at + 4)) {
        entry.copy_from_slice(b"vp08");
    }
}

fn mp4_options() -> Dictionary<'static> {
    let mut options = Dictionary::new();
    // Fragments end where they are told to, and have their times by themselves.
    options.set("movflags", "frag_custom+empty_moov+default_base_moof+frag_discont");
    options.set("use_editlist", "0");
    options.set("video_track_timescale", &TICKS_A_SECOND.to_string());
    options.set("fflags", "+bitexact");
    options.set("flush_packets", "1");
    options
}

fn webm_options() -> Dictionary<'static> {
    let mut options = Dictionary::new();
    // No lengths and no index that would have to be written at the end.
    options.set("live", "1");
    options.set("fflags", "+bitexact");
    options.set("flush_packets", "1");
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Quarters;

    #[test]
    fn a_file_says_how_its_pictures_have_to_be_turned() {
        crate::media::init().unwrap();
        let upright = [0x1_0000_i32, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
        let to_the_right = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 0, 0, 0x4000_0000];
        for (quarters, matrix) in [(0, upright), (1, to_the_right)] {
            let format = Format::Vp8(Vp8Format {
                width: 320,
                height: 180,
                quarters: Quarters::new(quarters),
            });
            let muxer = PieceMuxer::new(PieceFormat::Mp4, &format).unwrap();
            let header = muxer.header();
            let track = header.windows(4).position(|bytes| bytes == b"tkhd").unwrap();
            // ISO/IEC 14496-12, 8.3.2: behind the version, times and the like.
            let told = &header[track + 4 + 40..][..36];
            let expected: Vec<u8> = matrix.into_iter().flat_map(i32::to_be_bytes).collect();
            assert_eq!(told, expected, "{quarters}");
        }
    }
}
