//! Whole files of whatever container and codecs, made into MP4 with pictures of H.264 and sound of AAC.

mod audio;
mod interleaved;
mod video;

use std::path::Path;

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, ffi, format, media};

use super::{MediaError, Mp4Brand, Mp4Joiner, MuxedTrack, VideoEncoderChoice, duration_us, move_index_to_front};
use audio::AudioTrack;
use interleaved::Interleaved;
use video::VideoTrack;

/// The containers that are read. Others may name further files or servers, which a stranger's file must not.
const CONTAINERS: &str =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,flv,avi,asf,ogg,mp3,wav,aac,flac,h264,hevc,ivf,w64,amr,aiff";
/// Errors in a row with which a file is given up.
const MAX_ERRORS: u32 = 1_000;

/// Makes MP4 at `to` of the file at `from`, with `work` for what is made on the way: as it is where its tracks are what is wanted.
///
/// # Errors
/// When nothing of it can be decoded, or it is in a container that is not read.
pub fn convert(from: &Path, work: &Path, to: &Path, choice: &VideoEncoderChoice) -> Result<(), MediaError> {
    let input = open(from)?;
    if is_wanted(&input) {
        let copied = Mp4Joiner::begin(from, to).and_then(|mut joiner| {
            joiner.append(from)?;
            joiner.finish()
        });
        if copied.is_ok() && duration_us(to).is_ok_and(|us| us > 0) {
            return Ok(());
        }
    }
    Converter::new(input, choice)?.run(work)?;
    move_index_to_front(work, to, Mp4Brand::Mp4)
}

fn open(path: &Path) -> Result<Input, MediaError> {
    let mut options = Dictionary::new();
    options.set("format_whitelist", CONTAINERS);
    options.set("protocol_whitelist", "file");
    format::input_with_dictionary(&path, options).map_err(MediaError::during("read this file as media"))
}

/// Whether nothing has to be encoded again: H.264 without B-frames, in the usual sampling, and AAC, one of each at most.
fn is_wanted(input: &Input) -> bool {
    let (mut videos, mut audios) = (0, 0);
    let all = input.streams().all(|stream| {
        let parameters = stream.parameters();
        // SAFETY: the parameters belong to the open input and are only read.
        let raw = unsafe { &*parameters.as_ptr() };
        match parameters.id() {
            Id::H264 => {
                videos += 1;
                raw.video_delay == 0 && raw.format == ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32
            }
            Id::AAC => {
                audios += 1;
                true
            }
            _ => false,
        }
    });
    all && videos == 1 && audios <= 1
}

struct Converter<'a> {
    input: Input,
    start_us: i64,
    video: Option<VideoTrack<'a>>,
    audio: Option<AudioTrack>,
}

impl<'a> Converter<'a> {
    fn new(input: Input, choice: &'a VideoEncoderChoice) -> Result<Self, MediaError> {
        let best = |kind| {
            input
                .streams()
                .best(kind)
                .map(|stream| (stream.index(), stream.time_base()))
        };
        let video = best(media::Type::Video);
        let audio = best(media::Type::Audio);
        let video = video
            .map(|(index, base)| VideoTrack::new(&input, index, base, choice))
            .transpose()?
            .flatten();
        let audio = audio
            .map(|(index, base)| AudioTrack::new(&input, index, base))
            .transpose()?
            .flatten();
        if video.is_none() && audio.is_none() {
            return Err(nothing());
        }
        // SAFETY: a plain field of an open input.
        let start_us = match unsafe { (*input.as_ptr()).start_time } {
            ffi::AV_NOPTS_VALUE => 0,
            start_us => start_us,
        };
        Ok(Self {
            input,
            start_us,
            video,
            audio,
        })
    }

    fn run(mut self, path: &Path) -> Result<(), MediaError> {
        let mut file = Interleaved::new(self.video.is_some(), self.audio.is_some());
        let mut errors = 0;
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) => errors = 0,
                Err(Error::Eof) => break,
                Err(_) if errors < MAX_ERRORS => {
                    errors += 1;
                    continue;
                }
                // What came before is worth something.
                Err(_) => break,
            }
            self.take(&packet, &mut file)?;
            file.write(path, &self.tracks(), false)?;
        }
        if let Some(video) = &mut self.video {
            video.finish(self.start_us, &mut file)?;
        }
        if let Some(audio) = &mut self.audio {
            audio.finish(self.start_us, &mut file)?;
        }
        file.finish(path, &self.tracks())
    }

    fn take(&mut self, packet: &Packet, file: &mut Interleaved) -> Result<(), MediaError> {
        // What cannot be decoded is passed over, as a player does.
        if let Some(video) = self.video.as_mut().filter(|video| video.index == packet.stream()) {
            if video.decoder.send_packet(packet).is_ok() {
                video.receive(self.start_us, file)?;
            }
        } else if let Some(audio) = self.audio.as_mut().filter(|audio| audio.index == packet.stream())
            && audio.decoder.send_packet(packet).is_ok()
        {
            audio.receive(self.start_us, file)?;
        }
        Ok(())
    }

    /// Those of which something was made, in the order of the file.
    fn tracks(&self) -> Vec<Option<MuxedTrack>> {
        vec![
            self.video.as_ref().and_then(VideoTrack::track),
            self.audio.as_ref().and_then(AudioTrack::track),
        ]
    }
}

fn nothing() -> MediaError {
    MediaError::new("find pictures or sound in this file", Error::StreamNotFound)
}

fn microseconds(ticks: i64, base: Rational) -> i64 {
    let scaled = i128::from(ticks) * i128::from(base.numerator()) * 1_000_000;
    i64::try_from(scaled.div_euclid(i128::from(base.denominator().max(1)))).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
