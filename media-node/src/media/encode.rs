use std::ffi::CString;
use std::ptr;

use ffmpeg_next::codec::{Context, Flags, Id, threading};
use ffmpeg_next::format::sample::{Sample, Type};
use ffmpeg_next::util::error::EAGAIN;
use ffmpeg_next::{ChannelLayout, Codec, Dictionary, Error, Packet, Rational, encoder, ffi, frame, picture};

use super::hardware::Intake;
use super::{MediaError, Picture};

/// How an encoder is chosen and tuned: a node's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoEncoderChoice {
    /// FFmpeg's name of an H.264 encoder: `libx264`, `h264_nvenc`, …
    pub name: String,
    /// Threads of the encoder; with more than one it works beside the mixer.
    pub threads: usize,
    /// The encoder's own options, in FFmpeg's words: `preset`, `profile`, `tune`, …
    pub options: Vec<(String, String)>,
}

impl Default for VideoEncoderChoice {
    fn default() -> Self {
        Self {
            name: "libx264".to_owned(),
            threads: 2,
            options: vec![("preset".to_owned(), "veryfast".to_owned())],
        }
    }
}

impl VideoEncoderChoice {
    /// The same, whose pictures are coded in the order in which they are shown: whatever the encoder does otherwise, without B-frames.
    pub fn in_order(mut self) -> Self {
        self.options.push(("bf".to_owned(), "0".to_owned()));
        self
    }

    /// The same as all players by WebRTC take it: in order, and in the profile (Constrained) Baseline where it is known how this encoder
    /// calls that. Others keep the profile that they have.
    pub fn for_all_players(self) -> Self {
        let profile = match self.name.as_str() {
            "libx264" | "h264_nvenc" | "h264_qsv" => Some("baseline"),
            "h264_vaapi" | "libopenh264" => Some("constrained_baseline"),
            _ => None,
        };
        let mut choice = self.in_order();
        choice
            .options
            .extend(profile.map(|profile| ("profile".to_owned(), profile.to_owned())));
        choice
    }

    /// The fastest presets of libx264 have neither lookahead nor, the very fastest, B-frames.
    fn looks_ahead(&self) -> bool {
        let is_fast =
            |(name, value): &(String, String)| name == "preset" && ["ultrafast", "superfast"].contains(&&**value);
        !self.options.iter().any(is_fast)
    }
}

/// What a video encoder makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoTarget {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub bitrate: usize,
    /// Frames from a key frame to the next.
    pub gop: u32,
}

/// FFmpeg's name of the encoder of Opus by its authors.
const OPUS_ENCODER: &str = "libopus";
/// FFmpeg's name of the one MP3 encoder that it has from LAME.
const MP3_ENCODER: &str = "libmp3lame";

/// From this frame rate on what an encoder looks ahead is less than half a second.
const LOOKAHEAD_FPS: u32 = 24;

/// B-frames in a row at most, by libx264's presets from `veryfast` on.
const USUAL_B_FRAMES: u32 = 3;

/// Below this frame rate a second thread saves nothing, and keeps back pictures that last long.
const THREADS_FPS: u32 = 15;

/// One coded picture or audio frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    pub data: Vec<u8>,
    /// In the encoder's own units: frames of video, samples of audio.
    pub pts: i64,
    pub dts: i64,
    pub keyframe: bool,
}

/// Encodes pictures to H.264 in Annex B form with SPS and PPS in front of each key frame. Key frames are IDR pictures.
pub struct VideoEncoder {
    encoder: encoder::video::Encoder,
    intake: Intake,
    packet: Packet,
}

impl VideoEncoder {
    pub fn new(choice: &VideoEncoderChoice, target: &VideoTarget) -> Result<Self, MediaError> {
        let failed = |error| MediaError::new(format!("open the encoder {}", choice.name), error);
        let codec = encoder::find_by_name(&choice.name)
            .filter(|codec| codec.id() == Id::H264)
            .ok_or_else(|| {
                MediaError::new(
                    format!("find an H.264 encoder called {}", choice.name),
                    Error::EncoderNotFound,
                )
            })?;
        let mut context = Context::new_with_codec(codec);
        context.set_flags(Flags::BITEXACT | Flags::CLOSED_GOP);
        context.set_threading(threading::Config {
            count: if target.fps < THREADS_FPS { 1 } else { choice.threads },
            ..Default::default()
        });
        let intake = Intake::choose(&codec, &mut context, target.width, target.height)?;
        // SAFETY: plain fields of a context that is not open. Players would guess the matrix by the size of the picture.
        unsafe {
            (*context.as_mut_ptr()).colorspace = ffi::AVColorSpace::AVCOL_SPC_SMPTE170M;
            (*context.as_mut_ptr()).color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        }
        let mut video = context.encoder().video().map_err(failed)?;
        video.set_width(target.width);
        video.set_height(target.height);
        video.set_time_base(Rational(1, target.fps as i32));
        video.set_frame_rate(Some(Rational(target.fps as i32, 1)));
        video.set_gop(target.gop);
        video.set_bit_rate(target.bitrate);
        video.set_max_bit_rate(target.bitrate);
        let mut options = Dictionary::new();
        // One second of the bit rate, so that a slice keeps its size.
        options.set("bufsize", &target.bitrate.to_string());
        // Key frames at the beat of the GOP only: that is where slices are cut.
        options.set("sc_threshold", "0");
        options.set("forced-idr", "1");
        if target.fps < LOOKAHEAD_FPS && choice.looks_ahead() {
            // What an encoder keeps back is lost when the process dies, so that it must not be seconds.
            options.set("bf", &USUAL_B_FRAMES.min(target.fps / 5).to_string());
            options.set("rc-lookahead", &(target.fps / 3).to_string());
        }
        for (name, value) in &choice.options {
            if !knows(&codec, name) {
                let action = format!("set the option {name} of the encoder {}", choice.name);
                return Err(MediaError::new(action, Error::OptionNotFound));
            }
            options.set(name, value);
        }
        let encoder = video.open_as_with(codec, options).map_err(failed)?;
        Ok(Self {
            encoder,
            intake,
            packet: Packet::empty(),
        })
    }

    /// Takes the picture of frame `index`. It is shared with the encoder until that has read it; whoever writes into it
    /// next makes a copy if that takes longer than this call.
    pub fn encode(
        &mut self,
        picture: &Picture,
        index: i64,
        keyframe: bool,
        each: impl FnMut(Coded),
    ) -> Result<(), MediaError> {
        let mut taken = self.intake.take(picture)?;
        taken.set_pts(Some(index));
        taken.set_kind(if keyframe {
            picture::Type::I
        } else {
            picture::Type::None
        });
        self.encoder
            .send_frame(&taken)
            .map_err(|error| MediaError::new("encode a picture", error))?;
        drop(taken);
        receive(&mut self.encoder, &mut self.packet, each)
    }

    /// Gives what the encoder has kept back. Nothing can be encoded afterwards.
    pub fn finish(&mut self, each: impl FnMut(Coded)) -> Result<(), MediaError> {
        self.encoder
            .send_eof()
            .map_err(|error| MediaError::new("finish the video encoder", error))?;
        receive(&mut self.encoder, &mut self.packet, each)
    }
}

/// Encodes floating-point sound to AAC-LC without ADTS headers, to MP3, or to Opus.
pub struct AudioEncoder {
    encoder: encoder::audio::Encoder,
    packet: Packet,
    channels: u16,
    rate: u32,
    frame: usize,
    /// The samples of all channels stand beside each other.
    is_packed: bool,
}

impl AudioEncoder {
    /// Samples of one channel in a frame of AAC,
    pub const FRAME: usize = 1024;
    /// and in one of MP3 from 32 kHz on.
    pub const MP3_FRAME: usize = 1152;
    /// In one of Opus, 20 ms at the rate that it has always.
    pub const OPUS_FRAME: usize = 960;
    pub const OPUS_RATE: u32 = 48_000;

    /// `name`: FFmpeg's name of an AAC encoder.
    pub fn new(name: &str, rate: u32, channels: u16, bitrate: usize) -> Result<Self, MediaError> {
        Self::open(name, Id::AAC, Self::FRAME, (rate, channels, bitrate), Dictionary::new())
    }

    /// To MP3 of a constant bit rate. Each frame can be decoded without those before it, so that files can be cut anywhere
    /// between two.
    ///
    /// # Errors
    /// Most often: the FFmpeg of this machine was built without LAME.
    pub fn mp3(rate: u32, channels: u16, bitrate: usize) -> Result<Self, MediaError> {
        let mut options = Dictionary::new();
        options.set("reservoir", "0");
        Self::open(
            MP3_ENCODER,
            Id::MP3,
            Self::MP3_FRAME,
            (rate, channels, bitrate),
            options,
        )
    }

    /// To Opus, with what decoders need to make up for lost packets.
    ///
    /// # Errors
    /// Most often: the FFmpeg of this machine was built without libopus.
    pub fn opus(channels: u16, bitrate: usize) -> Result<Self, MediaError> {
        let mut options = Dictionary::new();
        options.set("fec", "1");
        options.set("packet_loss", "5");
        let stream = (Self::OPUS_RATE, channels, bitrate);
        Self::open(OPUS_ENCODER, Id::OPUS, Self::OPUS_FRAME, stream, options)
    }

    fn open(
        name: &str,
        id: Id,
        frame: usize,
        (rate, channels, bitrate): (u32, u16, usize),
        options: Dictionary<'_>,
    ) -> Result<Self, MediaError> {
        let failed = |error| MediaError::new(format!("open the encoder {name}"), error);
        let kind = match id {
            Id::MP3 => "MP3",
            Id::OPUS => "Opus",
            _ => "AAC",
        };
        let is_packed = id == Id::OPUS;
        let codec = encoder::find_by_name(name)
            .filter(|codec| codec.id() == id)
            .ok_or_else(|| MediaError::new(format!("find an {kind} encoder called {name}"), Error::EncoderNotFound))?;
        let mut context = Context::new_with_codec(codec);
        context.set_flags(Flags::BITEXACT | Flags::GLOBAL_HEADER);
        let mut audio = context.encoder().audio().map_err(failed)?;
        audio.set_rate(rate as i32);
        audio.set_format(Sample::F32(if is_packed { Type::Packed } else { Type::Planar }));
        audio.set_channel_layout(ChannelLayout::default(i32::from(channels)));
        audio.set_time_base(Rational(1, rate as i32));
        audio.set_bit_rate(bitrate);
        let encoder = audio.open_as_with(codec, options).map_err(failed)?;
        if encoder.frame_size() as usize != frame {
            return Err(failed(Error::InvalidData));
        }
        Ok(Self {
            encoder,
            packet: Packet::empty(),
            channels,
            rate,
            frame,
            is_packed,
        })
    }

    /// Samples of one channel in a frame.
    pub fn frame(&self) -> usize {
        self.frame
    }

    /// AudioSpecificConfig, ISO/IEC 14496-3.
    pub fn config(&self) -> Vec<u8> {
        // SAFETY: the context is open; its extradata is null or has the size that stands beside it.
        unsafe {
            let context = self.encoder.as_ptr();
            let size = usize::try_from((*context).extradata_size).unwrap_or(0);
            if (*context).extradata.is_null() {
                return Vec::new();
            }
            std::slice::from_raw_parts((*context).extradata, size).to_vec()
        }
    }

    /// Takes one frame of [`frame`](Self::frame) samples for each channel, which begins at sample `pts`. What is coded of it is
    /// dated by when its first sample is heard: before the first sample that was taken lies the encoder's run-up.
    pub fn encode(&mut self, channels: &[Vec<f32>], pts: i64, each: impl FnMut(Coded)) -> Result<(), MediaError> {
        let layout = ChannelLayout::default(i32::from(self.channels));
        let arrangement = if self.is_packed { Type::Packed } else { Type::Planar };
        let mut sound = frame::Audio::new(Sample::F32(arrangement), self.frame, layout);
        sound.set_rate(self.rate);
        sound.set_pts(Some(pts));
        match channels {
            [left, right, ..] if self.is_packed && self.channels == 2 => {
                for (pair, samples) in sound.plane_mut::<(f32, f32)>(0).iter_mut().zip(left.iter().zip(right)) {
                    *pair = (*samples.0, *samples.1);
                }
            }
            _ => {
                for (index, samples) in channels.iter().take(usize::from(self.channels)).enumerate() {
                    let plane = sound.plane_mut::<f32>(index);
                    let count = plane.len().min(samples.len());
                    plane[..count].copy_from_slice(&samples[..count]);
                }
            }
        }
        self.encoder
            .send_frame(&sound)
            .map_err(|error| MediaError::new("encode sound", error))?;
        receive(&mut self.encoder, &mut self.packet, each)
    }

    /// Gives what the encoder has kept back. Nothing can be encoded afterwards.
    pub fn finish(&mut self, each: impl FnMut(Coded)) -> Result<(), MediaError> {
        self.encoder
            .send_eof()
            .map_err(|error| MediaError::new("finish the audio encoder", error))?;
        receive(&mut self.encoder, &mut self.packet, each)
    }
}

/// Whether an encoder has an option of this name, of its own or as all have it.
fn knows(codec: &Codec, name: &str) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: both classes are static data, the codec's own may be null; with this flag only the class behind the given
    // address is looked at, as FFmpeg documents.
    unsafe {
        [(*codec.as_ptr()).priv_class, ffi::avcodec_get_class()]
            .iter()
            .filter(|class| !class.is_null())
            .any(|class| {
                let class = ptr::from_ref(class).cast_mut().cast();
                let flags = ffi::AV_OPT_SEARCH_FAKE_OBJ;
                !ffi::av_opt_find(class, name.as_ptr(), ptr::null(), 0, flags).is_null()
            })
    }
}

fn receive(
    encoder: &mut encoder::encoder::Encoder,
    packet: &mut Packet,
    mut each: impl FnMut(Coded),
) -> Result<(), MediaError> {
    loop {
        match encoder.receive_packet(packet) {
            Ok(()) => {
                let pts = packet.pts().unwrap_or_default();
                each(Coded {
                    data: packet.data().unwrap_or_default().to_vec(),
                    pts,
                    dts: packet.dts().unwrap_or(pts),
                    keyframe: packet.is_key(),
                });
            }
            Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(()),
            Err(error) => return Err(MediaError::new("encode", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(fps: u32, threads: usize, options: &[(&str, &str)]) -> Result<VideoEncoder, MediaError> {
        super::super::init().unwrap();
        let choice = VideoEncoderChoice {
            threads,
            options: options
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..VideoEncoderChoice::default()
        };
        let target = VideoTarget {
            width: 64,
            height: 36,
            fps,
            bitrate: 50_000,
            gop: 2 * fps,
        };
        VideoEncoder::new(&choice, &target)
    }

    #[test]
    fn options_that_an_encoder_does_not_have_are_refused_by_name() {
        let told = |options| open(15, 1, options).err().map(|error| error.to_string());
        assert_eq!(told(&[("preset", "fast"), ("profile", "main"), ("g", "30")]), None);
        let unknown = told(&[("prezet", "fast")]).unwrap();
        assert!(unknown.contains("prezet") && unknown.contains("libx264"), "{unknown}");
        let wrong = told(&[("preset", "nonesuch")]).unwrap();
        assert!(wrong.contains("libx264"), "{wrong}");
    }

    #[test]
    fn what_all_players_take_is_baseline_whatever_the_operator_has_chosen() {
        super::super::init().unwrap();
        let target = VideoTarget {
            width: 64,
            height: 36,
            fps: 30,
            bitrate: 50_000,
            gop: 60,
        };
        let profile = |choice: VideoEncoderChoice| {
            let mut encoder = VideoEncoder::new(&choice, &target).unwrap();
            let mut set = None;
            let mut see = |coded: Coded| {
                let at = coded.data.windows(5).position(|bytes| bytes[..4] == [0, 0, 1, 0x67]);
                set = set.or(at.map(|at| coded.data[at + 4]));
            };
            encoder
                .encode(&Picture::new(64, 36).unwrap(), 0, true, &mut see)
                .unwrap();
            encoder.finish(&mut see).unwrap();
            set
        };
        let mut chosen = VideoEncoderChoice::default();
        assert_eq!(profile(chosen.clone()), Some(100));
        chosen.options.push(("profile".to_owned(), "high".to_owned()));
        assert_eq!(profile(chosen.for_all_players()), Some(66));
    }

    /// What a killed process loses, beside what the mixer waits for.
    #[test]
    fn no_more_than_a_second_is_kept_back_at_any_frame_rate() {
        for fps in [1, 7, 10, 15, 24, 30, 60] {
            let mut encoder = open(fps, 2, &[("preset", "veryfast")]).unwrap();
            let picture = Picture::new(64, 36).unwrap();
            let mut kept_back = 0;
            for index in 0..i64::from(4 * fps) {
                let mut coded = 0;
                encoder.encode(&picture, index, index == 0, |_| coded += 1).unwrap();
                kept_back += 1 - coded;
            }
            // One picture lasts longer than that at the lowest rate.
            let is_short = kept_back <= 1 || f64::from(kept_back) / f64::from(fps) < 0.75;
            assert!(is_short, "{kept_back} pictures at {fps} a second");
        }
    }
}
