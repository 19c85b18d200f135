use std::path::Path;
use std::ptr;

use ffmpeg_next::codec::{Id, packet};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, ffi, format, media};

use super::MediaError;
use crate::capture::{AccessUnit, Format};

/// Longest stretch of media, in microseconds, that an MP4 file has to hold back before it is readable.
const FRAGMENT_US: u32 = 500_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    MpegTs,
    /// MP4 in fragments: what is written can be read at any time, also after the process was killed.
    FragmentedMp4,
}

/// Writes coded units of several tracks into one file.
pub struct Muxer {
    output: Output,
    durations_us: Vec<i64>,
}

/// What a file holds for one track.
#[derive(Clone, Debug)]
pub struct MuxerTrack {
    /// H.264 needs its SPS and PPS.
    pub format: Format,
    /// Of one unit, as a rule.
    pub duration_us: i64,
}

impl Muxer {
    /// The tracks are numbered as given.
    pub fn create(path: &Path, container: Container, tracks: &[MuxerTrack]) -> Result<Self, MediaError> {
        let name = match container {
            Container::MpegTs => "mpegts",
            Container::FragmentedMp4 => "mp4",
        };
        let mut output = format::output_as(path, name).map_err(MediaError::during("create this file"))?;
        for track in tracks {
            add_track(&mut output, &track.format)?;
        }
        let mut options = Dictionary::new();
        if container == Container::FragmentedMp4 {
            // The index waits for the first fragment, so that it can tell by how much pictures were reordered.
            options.set("movflags", "delay_moov+default_base_moof");
            options.set("frag_duration", &FRAGMENT_US.to_string());
        }
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
        packet.set_pts(Some(ticks(unit.pts_us, base)));
        packet.set_dts(Some(ticks(unit.dts_us, base)));
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

/// Copies a fragmented MP4 file, whole or cut off anywhere, into one with a single index in front of the media. Nothing
/// is encoded again.
pub fn move_index_to_front(from: &Path, to: &Path) -> Result<(), MediaError> {
    let mut input = format::input(from).map_err(MediaError::during("open the file to finish"))?;
    let mut output = format::output_as(to, "mp4").map_err(MediaError::during("create the finished file"))?;
    for stream in input.streams() {
        let mut copy = output
            .add_stream(None::<ffmpeg_next::Codec>)
            .map_err(MediaError::during("add a track to this file"))?;
        copy.set_parameters(stream.parameters());
        // SAFETY: the parameters were just copied into the new stream; a tag of 0 lets the container choose its own.
        unsafe { (*(*copy.as_mut_ptr()).codecpar).codec_tag = 0 }
        copy.set_time_base(stream.time_base());
    }
    let mut options = Dictionary::new();
    options.set("movflags", "faststart");
    options.set("fflags", "+bitexact");
    output
        .write_header_with(options)
        .map_err(MediaError::during("begin the finished file"))?;
    loop {
        let mut packet = Packet::empty();
        match packet.read(&mut input) {
            Ok(()) => {}
            Err(Error::Eof) => break,
            // The last fragment of a file that was cut off.
            Err(Error::InvalidData) => break,
            Err(error) => return Err(MediaError::new("read the file to finish", error)),
        }
        let index = packet.stream();
        let (Some(from), Some(to)) = (input.stream(index), output.stream(index)) else {
            continue;
        };
        packet.rescale_ts(from.time_base(), to.time_base());
        packet.set_position(-1);
        packet
            .write_interleaved(&mut output)
            .map_err(MediaError::during("write the finished file"))?;
    }
    output.write_trailer().map_err(MediaError::during("finish this file"))
}

fn ticks(us: i64, base: Rational) -> i64 {
    let (numerator, denominator) = (i128::from(base.numerator().max(1)), i128::from(base.denominator()));
    let unit = numerator * 1_000_000;
    i64::try_from((i128::from(us) * denominator + unit / 2).div_euclid(unit)).unwrap_or(i64::MAX)
}

fn add_track(output: &mut Output, format: &Format) -> Result<(), MediaError> {
    let mut stream = output
        .add_stream(None::<ffmpeg_next::Codec>)
        .map_err(MediaError::during("add a track to this file"))?;
    // SAFETY: the stream was just made, its parameters are allocated, and nobody else refers to them.
    let parameters = unsafe { &mut *(*stream.as_mut_ptr()).codecpar };
    let extradata = match format {
        Format::H264(h264) => {
            parameters.codec_type = media::Type::Video.into();
            parameters.codec_id = Id::H264.into();
            parameters.width = h264.width.try_into().unwrap_or(i32::MAX);
            parameters.height = h264.height.try_into().unwrap_or(i32::MAX);
            const START_CODE: [u8; 4] = [0, 0, 0, 1];
            [&START_CODE[..], &h264.sps[..], &START_CODE[..], &h264.pps[..]].concat()
        }
        Format::Aac(aac) => {
            parameters.codec_type = media::Type::Audio.into();
            parameters.codec_id = Id::AAC.into();
            parameters.sample_rate = aac.sample_rate.try_into().unwrap_or(i32::MAX);
            parameters.ch_layout.nb_channels = i32::from(aac.channels);
            parameters.frame_size = aac.frame_length.try_into().unwrap_or(1024);
            aac.config.to_vec()
        }
        Format::Opus(_) => return Err(MediaError::new("put Opus into this file", Error::InvalidData)),
    };
    let padding = ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: a new, zeroed allocation, longer than what is copied into it, which FFmpeg frees with the stream.
    unsafe {
        let memory = ffi::av_mallocz(extradata.len() + padding).cast::<u8>();
        if memory.is_null() {
            return Err(MediaError::new("allocate", Error::Other { errno: ffi::ENOMEM }));
        }
        ptr::copy_nonoverlapping(extradata.as_ptr(), memory, extradata.len());
        parameters.extradata = memory;
    }
    parameters.extradata_size = extradata.len().try_into().unwrap_or(0);
    Ok(())
}
