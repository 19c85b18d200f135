//! Pictures with B-frames to pictures without: packets in, packets out, in the order in which they are shown. Pure.

use std::collections::VecDeque;

use super::h264;
use super::maker::{Incoming, Made, Maker};
use crate::channel::MediaTrack;
use crate::media::{
    Coded, Crop, MediaError, Picture, Scaler, VideoDecoder, VideoEncoder, VideoEncoderChoice, VideoTarget,
};
use crate::stream::{self, Fmtp, Frame, PayloadFormat, PictureLimit, VideoCodec};

/// What the encoder reckons with. Times are the sender's.
const FPS: u32 = 30;
/// Keyframes are made when somebody asks for one, and so often, in pictures, whoever asks.
const GOP: u32 = 300;
/// What a picture is worth in bits a second, for each pixel: 2.8 Mbit/s for 1280 × 720.
const BITS_PER_PIXEL: usize = 3;
const LEAST_BITS_PER_SECOND: usize = 300_000;
/// Failures in a row after which nothing is to be hoped for.
const MAX_FAILURES: u32 = 250;
/// Pictures that the encoder has and has not given back: it looks at none ahead.
const MAX_INSIDE: usize = 16;

/// See the module.
pub(super) struct ToPlain {
    incoming: Incoming,
    decoder: VideoDecoder,
    /// Nothing can be decoded before the next keyframe.
    waits: bool,
    /// What is decoded is of the past.
    is_past: bool,
    /// The last timestamp, and its ticks since the beginning.
    last: Option<(u32, i64)>,
    scaler: Scaler,
    encoder: Option<Encoder>,
    wants_keyframe: bool,
    failures: u32,
}

struct Encoder {
    encoder: VideoEncoder,
    size: (u32, u32),
    /// The next picture's number,
    next: i64,
    /// and the timestamps of those inside.
    inside: VecDeque<(i64, u32)>,
}

impl ToPlain {
    /// # Errors
    /// The reason, when nothing can be made of the track.
    pub(super) fn new(track: &MediaTrack, clock_rate: u32) -> Result<Self, String> {
        let rtpmap = format!("{}/{clock_rate}", track.codec);
        let format = PayloadFormat::parse(&rtpmap, Fmtp::parse(&track.parameters));
        let format = format.filter(|_| track.codec == "H264");
        let format = format.ok_or_else(|| format!("{} cannot be read", track.codec))?;
        Ok(Self {
            incoming: Incoming::new(stream::depacketizer(&format)?),
            decoder: decoder().map_err(|error| error.to_string())?,
            waits: true,
            is_past: false,
            last: None,
            scaler: Scaler::default(),
            encoder: None,
            wants_keyframe: false,
            failures: 0,
        })
    }

    fn frame(&mut self, frame: &Frame, made: &mut Vec<Made>) -> Result<(), MediaError> {
        if frame.keyframe && self.waits {
            self.decoder = decoder()?;
            self.waits = false;
        }
        if self.waits {
            return Ok(());
        }
        let ticks = self.ticks(frame.timestamp);
        let mut pictures = Vec::new();
        self.decoder.decode(&frame.data, ticks, ticks, |picture, ticks| {
            pictures.push((picture, ticks))
        })?;
        if self.is_past {
            return Ok(());
        }
        for (picture, ticks) in pictures {
            self.picture(&picture, ticks as u32, made)?;
        }
        Ok(())
    }

    /// A timestamp, continued over its wraps.
    fn ticks(&mut self, timestamp: u32) -> i64 {
        let ticks = self.last.map_or(i64::from(timestamp), |(last, ticks)| {
            ticks + i64::from(timestamp.wrapping_sub(last) as i32)
        });
        self.last = Some((timestamp, ticks));
        ticks
    }

    fn picture(&mut self, picture: &Picture, timestamp: u32, made: &mut Vec<Made>) -> Result<(), MediaError> {
        let (width, height) = picture.upright_size();
        let size = ((width & !1).max(2), (height & !1).max(2));
        let mut plain = Picture::new(size.0, size.1)?;
        let whole = Crop {
            x: 0,
            y: 0,
            width,
            height,
        };
        self.scaler.scale(picture, whole, &mut plain)?;
        if self.encoder.as_ref().is_none_or(|encoder| encoder.size != size) {
            self.encoder = Some(Encoder::new(size)?);
        }
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        encoder.encode(&plain, timestamp, std::mem::take(&mut self.wants_keyframe), made)
    }
}

impl Maker for ToPlain {
    fn packet(&mut self, packet: &stream::Packet, made: &mut Vec<Made>) -> Result<(), MediaError> {
        let (frames, is_missing) = self.incoming.take(packet);
        self.waits |= is_missing;
        for frame in frames {
            match self.frame(&frame, made) {
                Ok(()) => self.failures = 0,
                Err(error) => {
                    self.failures += 1;
                    self.waits = true;
                    if self.failures >= MAX_FAILURES {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    fn past(&mut self, packet: &stream::Packet) -> Result<(), MediaError> {
        self.is_past = true;
        let taken = self.packet(packet, &mut Vec::new());
        self.is_past = false;
        taken
    }

    fn timestamp(&self, timestamp: u32) -> Option<u32> {
        Some(timestamp)
    }

    fn want_keyframe(&mut self) {
        self.wants_keyframe = true;
    }
}

fn decoder() -> Result<VideoDecoder, MediaError> {
    VideoDecoder::new(VideoCodec::H264, PictureLimit::default())
}

impl Encoder {
    fn new(size: (u32, u32)) -> Result<Self, MediaError> {
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let choice = VideoEncoderChoice {
            threads: 1,
            options: vec![
                option("preset", "superfast"),
                option("tune", "zerolatency"),
                option("profile", "baseline"),
            ],
            ..VideoEncoderChoice::default()
        };
        let pixels = (size.0 as usize).saturating_mul(size.1 as usize);
        let target = VideoTarget {
            width: size.0,
            height: size.1,
            fps: FPS,
            bitrate: (pixels * BITS_PER_PIXEL).max(LEAST_BITS_PER_SECOND),
            gop: GOP,
        };
        Ok(Self {
            encoder: VideoEncoder::new(&choice, &target)?,
            size,
            next: 0,
            inside: VecDeque::new(),
        })
    }

    fn encode(
        &mut self,
        picture: &Picture,
        timestamp: u32,
        keyframe: bool,
        made: &mut Vec<Made>,
    ) -> Result<(), MediaError> {
        let mut coded: Vec<Coded> = Vec::new();
        self.inside.push_back((self.next, timestamp));
        if self.inside.len() > MAX_INSIDE {
            self.inside.pop_front();
        }
        self.encoder
            .encode(picture, self.next, keyframe, |unit| coded.push(unit))?;
        self.next += 1;
        for unit in coded {
            let of_unit = self.inside.iter().position(|(number, _)| *number == unit.pts);
            let Some((_, timestamp)) = of_unit.and_then(|place| self.inside.remove(place)) else {
                continue;
            };
            let payloads = h264::payloads(&unit.data);
            let last = payloads.len().saturating_sub(1);
            made.extend(payloads.into_iter().enumerate().map(|(number, data)| Made {
                timestamp,
                data,
                marker: number == last,
            }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
