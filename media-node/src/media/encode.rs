use ffmpeg_next::codec::{Context, Flags, Id, threading};
use ffmpeg_next::format::sample::{Sample, Type};
use ffmpeg_next::util::error::EAGAIN;
use ffmpeg_next::{ChannelLayout, Dictionary, Error, Packet, Rational, encoder, frame, picture};

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

/// From this frame rate on an encoder's own lookahead is less than a second.
const LOOKAHEAD_FPS: u32 = 15;

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
            count: choice.threads,
            ..Default::default()
        });
        let intake = Intake::choose(&codec, &mut context, target.width, target.height)?;
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
        if target.fps < LOOKAHEAD_FPS {
            // What an encoder keeps back is lost when the process dies, so that it must not be seconds.
            video.set_max_b_frames(target.fps as usize / 5);
            options.set("rc-lookahead", &(target.fps / 2).to_string());
        }
        for (name, value) in &choice.options {
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

/// Encodes floating-point sound to AAC-LC without ADTS headers.
pub struct AudioEncoder {
    encoder: encoder::audio::Encoder,
    packet: Packet,
    channels: u16,
    rate: u32,
}

impl AudioEncoder {
    /// Samples of one channel in a frame.
    pub const FRAME: usize = 1024;

    pub fn new(name: &str, rate: u32, channels: u16, bitrate: usize) -> Result<Self, MediaError> {
        let failed = |error| MediaError::new(format!("open the encoder {name}"), error);
        let codec = encoder::find_by_name(name)
            .filter(|codec| codec.id() == Id::AAC)
            .ok_or_else(|| MediaError::new(format!("find an AAC encoder called {name}"), Error::EncoderNotFound))?;
        let mut context = Context::new_with_codec(codec);
        context.set_flags(Flags::BITEXACT | Flags::GLOBAL_HEADER);
        let mut audio = context.encoder().audio().map_err(failed)?;
        audio.set_rate(rate as i32);
        audio.set_format(Sample::F32(Type::Planar));
        audio.set_channel_layout(ChannelLayout::default(i32::from(channels)));
        audio.set_time_base(Rational(1, rate as i32));
        audio.set_bit_rate(bitrate);
        let encoder = audio.open_as(codec).map_err(failed)?;
        if encoder.frame_size() as usize != Self::FRAME {
            return Err(failed(Error::InvalidData));
        }
        Ok(Self {
            encoder,
            packet: Packet::empty(),
            channels,
            rate,
        })
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

    /// Takes one frame of [`FRAME`](Self::FRAME) samples for each channel, which begins at sample `pts`.
    pub fn encode(&mut self, channels: &[Vec<f32>], pts: i64, each: impl FnMut(Coded)) -> Result<(), MediaError> {
        let layout = ChannelLayout::default(i32::from(self.channels));
        let mut sound = frame::Audio::new(Sample::F32(Type::Planar), Self::FRAME, layout);
        sound.set_rate(self.rate);
        sound.set_pts(Some(pts));
        for (index, samples) in channels.iter().take(usize::from(self.channels)).enumerate() {
            let plane = sound.plane_mut::<f32>(index);
            let count = plane.len().min(samples.len());
            plane[..count].copy_from_slice(&samples[..count]);
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
