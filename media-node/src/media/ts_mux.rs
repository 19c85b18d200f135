use std::ptr;

use ffmpeg_next::codec::packet;
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::{Dictionary, Packet, ffi, format};

use super::MediaError;
use super::describe::add_track;
use super::pipe::Pipe;
use crate::stream::Format;

/// How far the program clock runs ahead of the decoding times, in microseconds: the time that a receiver has to take
/// in a large picture before it must be decoded. FFmpeg gathers audio frames for half of it into one PES packet, so
/// it also bounds what of audio is held back here.
const CLOCK_LEAD_US: i64 = 500_000;

/// One coded unit with its times in ticks of 90 kHz.
#[derive(Clone, Copy, Debug)]
pub struct TsUnit<'a> {
    /// Its elementary stream, by its place among the formats.
    pub track: usize,
    pub pts: i64,
    /// Greater than that of the unit before of the track and at least the clock's lead of half a second (45000). Over all
    /// tracks, units come in the order of decoding times.
    pub dts: i64,
    /// As [`AccessUnit::data`](crate::stream::AccessUnit::data), not empty.
    pub data: &'a [u8],
    pub keyframe: bool,
}

/// Turns the units of elementary streams into the bytes of a transport stream, PAT and PMT first. All bytes of a
/// unit come out at once, those of audio at most a quarter of a second of media later. AAC gets ADTS headers, H.264 gets
/// access unit delimiters. Times are written as given, modulo 2^33.
pub struct TsMuxer {
    output: Output,
    pipe: Pipe,
}

impl TsMuxer {
    /// A stream that begins here: its first packets carry the discontinuity indicator, so that a receiver that comes
    /// from another stream takes the new continuity counters for what they are. Fails for a format that a transport
    /// stream cannot carry (AAC other than Main, LC, SSR and LTP with 1024 samples; Opus, which no HLS player takes).
    pub fn new(formats: &[Format]) -> Result<Self, MediaError> {
        let pipe = Pipe::default();
        let io = StreamIo::from_write(pipe.clone()).map_err(MediaError::during("make an output"))?;
        let mut output =
            format::output_to_stream(io, None, Some("mpegts")).map_err(MediaError::during("make an MPEG-TS output"))?;
        for format in formats {
            add_track(&mut output, format)?;
        }
        let unknown = output
            .write_header_with(options())
            .map_err(MediaError::during("begin MPEG-TS of this format"))?
            .iter()
            .count();
        if unknown > 0 {
            return Err(MediaError::new(
                "take the options for MPEG-TS",
                ffmpeg_next::Error::OptionNotFound,
            ));
        }
        Ok(Self { output, pipe })
    }

    /// Returns the bytes that are ready. After an error the muxer is of no more use.
    pub fn write(&mut self, unit: TsUnit<'_>) -> Result<Vec<u8>, MediaError> {
        let mut packet = Packet::copy(unit.data);
        packet.set_stream(unit.track);
        packet.set_pts(Some(unit.pts));
        packet.set_dts(Some(unit.dts));
        if unit.keyframe {
            packet.set_flags(packet::Flags::KEY);
        }
        packet
            .write(&mut self.output)
            .map_err(MediaError::during("write this unit into MPEG-TS"))?;
        Ok(self.pipe.take())
    }

    /// Returns what is held back. To be called before a gap in the audio as well: frames that share a PES packet are
    /// taken to follow each other.
    pub fn flush(&mut self) -> Result<Vec<u8>, MediaError> {
        // SAFETY: the context is open and its header is written; a null packet asks a muxer to flush.
        let result = unsafe { ffi::av_write_frame(self.output.as_mut_ptr(), ptr::null_mut()) };
        if result < 0 {
            return Err(MediaError::new("flush MPEG-TS", result.into()));
        }
        Ok(self.pipe.take())
    }

    /// Returns the rest of a slice; the bytes that follow begin with PAT and PMT, so that they can be read without it.
    pub fn end_slice(&mut self) -> Result<Vec<u8>, MediaError> {
        let rest = self.flush()?;
        // SAFETY: the context is open, its private data is the mpegts muxer's and has AVOptions; both strings end
        // with a zero.
        let result = unsafe {
            let muxer = (*self.output.as_mut_ptr()).priv_data;
            ffi::av_opt_set(muxer, c"mpegts_flags".as_ptr(), c"+resend_headers".as_ptr(), 0)
        };
        if result < 0 {
            return Err(MediaError::new("repeat the tables of MPEG-TS", result.into()));
        }
        Ok(rest)
    }
}

fn options() -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("mpegts_copyts", "1");
    options.set("max_delay", &CLOCK_LEAD_US.to_string());
    options.set("flush_packets", "1");
    options.set("mpegts_flags", "initial_discontinuity");
    // The tables stand at each slice's start and at each video keyframe; ten times a second, the default, they would
    // be a third of a quiet audio stream.
    options.set("pat_period", "5");
    options.set("sdt_period", "60");
    options
}
