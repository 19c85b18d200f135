//! Motion JPEG to H.264, because no container that players take carries it. Pure: coded units in, coded units out.

use std::collections::VecDeque;

use super::transcode::TranscodeError;
use crate::media::{
    Coded, Crop, MediaError, Picture, Scaler, VideoDecoder, VideoEncoder, VideoEncoderChoice, VideoTarget,
};
use crate::stream::{AccessUnit, Format, H264Format, PictureLimit, VideoCodec};

/// The rate that the encoder is told where there is one picture only.
const DEFAULT_FPS: u32 = 15;
/// The highest rate that it is told.
const HIGHEST_FPS: i64 = 60;

/// At this rate H.264 adds nothing to be seen to what JPEG left, in bits of a pixel of a picture.
const BITS_OF_PIXEL: f64 = 0.25;

/// From a key frame to the next, in microseconds.
const KEY_US: i64 = 2_000_000;

/// How pictures are coded, by a node's configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct PictureCoding {
    pub(super) encoder: VideoEncoderChoice,
    pub(super) limit: PictureLimit,
}

/// One stretch of pictures of one size on their way from Motion JPEG to H.264.
pub(super) struct PictureTranscoder {
    decoder: VideoDecoder,
    scaler: Scaler,
    choice: VideoEncoderChoice,
    /// Opened at the second picture, whose time tells the rate.
    encoder: Option<VideoEncoder>,
    /// The first picture and its time, until then.
    first: Option<(Picture, i64)>,
    width: u32,
    height: u32,
    /// The number of the next picture,
    next: i64,
    /// and when those are shown that are in the encoder.
    inside: VecDeque<i64>,
    key_us: Option<i64>,
    /// Known once the first key frame is coded.
    format: Option<Format>,
}

impl PictureTranscoder {
    /// For pictures of this size.
    pub(super) fn new(coding: &PictureCoding, width: u32, height: u32) -> Result<Self, TranscodeError> {
        Ok(Self {
            decoder: VideoDecoder::new(VideoCodec::Jpeg, coding.limit).map_err(TranscodeError::Decode)?,
            scaler: Scaler::default(),
            // Pictures are decoded in the order in which they are shown.
            choice: coding.encoder.clone().in_order(),
            encoder: None,
            first: None,
            // Both sides of a picture in 4:2:0 are even.
            width: (width & !1).max(2),
            height: (height & !1).max(2),
            next: 0,
            inside: VecDeque::new(),
            key_us: None,
            format: None,
        })
    }

    /// The format of the units that it gives; `None` before the first one.
    pub(super) fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    /// Takes the next unit and gives what is coded by it. After an error of the decoder it goes on with the next unit, after
    /// one of the encoder it is of no more use.
    pub(super) fn unit(&mut self, unit: &AccessUnit, made: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        let mut decoded = None;
        self.decoder
            .decode(&unit.data, unit.pts_us, unit.dts_us, |picture, _| {
                decoded = Some(picture)
            })
            .map_err(TranscodeError::Decode)?;
        let Some(decoded) = decoded else { return Ok(()) };
        let picture = self.converted(&decoded).map_err(TranscodeError::Decode)?;
        if self.encoder.is_none() {
            let Some((_, first_us)) = &self.first else {
                self.first = Some((picture, unit.pts_us));
                return Ok(());
            };
            let fps = 1_000_000 / (unit.pts_us - first_us).max(1);
            self.begin(fps.clamp(1, HIGHEST_FPS) as u32, made)?;
        }
        self.encode(&picture, unit.pts_us, made)
    }

    /// Gives the rest. Nothing can follow.
    pub(super) fn finish(&mut self, made: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        if self.encoder.is_none() {
            self.begin(DEFAULT_FPS, made)?;
        }
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        let mut coded = Vec::new();
        let finished = encoder.finish(|unit| coded.push(unit));
        self.give(coded, made);
        finished.map_err(TranscodeError::Encode)
    }

    /// Opens the encoder and gives it the first picture.
    fn begin(&mut self, fps: u32, made: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        let Some((picture, pts_us)) = self.first.take() else {
            return Ok(());
        };
        let pixels = f64::from(self.width) * f64::from(self.height);
        let target = VideoTarget {
            width: self.width,
            height: self.height,
            fps,
            bitrate: (pixels * f64::from(fps) * BITS_OF_PIXEL) as usize,
            // Key frames are asked for by time.
            gop: fps * 60,
        };
        self.encoder = Some(VideoEncoder::new(&self.choice, &target).map_err(TranscodeError::Encode)?);
        self.encode(&picture, pts_us, made)
    }

    fn encode(&mut self, picture: &Picture, pts_us: i64, made: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        let is_due = self.key_us.is_none_or(|key_us| pts_us.saturating_sub(key_us) >= KEY_US);
        if is_due {
            self.key_us = Some(pts_us);
        }
        self.inside.push_back(pts_us);
        let mut coded = Vec::new();
        encoder
            .encode(picture, self.next, is_due, |unit| coded.push(unit))
            .map_err(TranscodeError::Encode)?;
        self.next += 1;
        self.give(coded, made);
        Ok(())
    }

    /// The picture in 4:2:0 of 8 bits and limited range.
    fn converted(&mut self, decoded: &Picture) -> Result<Picture, MediaError> {
        let whole = Crop {
            x: 0,
            y: 0,
            width: decoded.width(),
            height: decoded.height(),
        };
        let mut picture = Picture::new(self.width, self.height)?;
        self.scaler.scale(decoded, whole, &mut picture)?;
        Ok(picture)
    }

    /// Units come out in the order in which pictures went in.
    fn give(&mut self, coded: Vec<Coded>, made: &mut Vec<AccessUnit>) {
        for coded in coded {
            let Some(pts_us) = self.inside.pop_front() else {
                continue;
            };
            if self.format.is_none() {
                let format = H264Format::of_keyframe(&coded.data, self.width, self.height);
                self.format = format.map(Format::H264);
            }
            made.push(AccessUnit {
                pts_us,
                dts_us: pts_us,
                data: coded.data.into(),
                keyframe: coded.keyframe,
            });
        }
    }
}
