use ffmpeg_next::codec::Context;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Rational, decoder, ffi, frame, packet};

use super::interleaved::Interleaved;
use super::microseconds;
use crate::media::encode::{Coded, VideoEncoder, VideoEncoderChoice, VideoTarget};
use crate::media::{Crop, MediaError, MuxedTrack, Picture, Scaler};
use crate::stream::{AccessUnit, Format, H264Format, PictureLimit};

const FPS: u32 = 30;
/// A key frame every two seconds, so that it can be played from anywhere.
const GOP: u32 = 2 * FPS;
/// The largest picture that is made.
const WIDEST: (u32, u32) = (1920, 1080);
/// Bits for each pixel of a picture.
const BITS_PER_PIXEL: f64 = 0.07;

/// The pictures of a file.
pub(super) struct VideoTrack<'a> {
    pub(super) index: usize,
    base: Rational,
    pub(super) decoder: decoder::Video,
    choice: &'a VideoEncoderChoice,
    /// How the file says that its pictures have to be turned.
    matrix: Option<Vec<u8>>,
    scaler: Scaler,
    encoder: Option<(VideoEncoder, (u32, u32))>,
    format: Option<H264Format>,
    /// The number of the next picture, by which those that come too soon are passed over.
    next: i64,
}

impl<'a> VideoTrack<'a> {
    /// `None` when this FFmpeg cannot decode it.
    pub(super) fn new(
        input: &Input,
        index: usize,
        base: Rational,
        choice: &'a VideoEncoderChoice,
    ) -> Result<Option<Self>, MediaError> {
        let Some(stream) = input.stream(index) else {
            return Ok(None);
        };
        let mut context =
            Context::from_parameters(stream.parameters()).map_err(MediaError::during("read this file"))?;
        // SAFETY: a plain field of a context that is not open.
        unsafe {
            (*context.as_mut_ptr()).max_pixels = PictureLimit::default().pixels().try_into().unwrap_or(i64::MAX);
        }
        let matrix = stream
            .side_data()
            .find(|data| data.kind() == packet::side_data::Type::DisplayMatrix)
            .map(|data| data.data().to_vec());
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(base);
        Ok(decoder.video().ok().map(|decoder| Self {
            index,
            base,
            decoder,
            choice,
            matrix,
            scaler: Scaler::default(),
            encoder: None,
            format: None,
            next: 0,
        }))
    }

    pub(super) fn receive(&mut self, start_us: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        loop {
            let mut decoded = frame::Video::empty();
            match self.decoder.receive_frame(&mut decoded) {
                Ok(()) => self.picture(decoded, start_us, file)?,
                // There is nothing more, or nothing that can be decoded.
                Err(_) => return Ok(()),
            }
        }
    }

    fn picture(&mut self, mut decoded: frame::Video, start_us: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        let at_us = decoded.timestamp().map_or(0, |at| microseconds(at, self.base)) - start_us;
        let index = (at_us * i64::from(FPS) + 500_000).div_euclid(1_000_000);
        if index < self.next {
            return Ok(());
        }
        self.turn(&mut decoded);
        let source = Picture(decoded);
        let upright = source.upright_size();
        if self.encoder.is_none() {
            let (width, height) = fitted(upright, source.sample_aspect());
            let pixels = f64::from(width) * f64::from(height) * f64::from(FPS);
            let target = VideoTarget {
                width,
                height,
                fps: FPS,
                bitrate: (pixels * BITS_PER_PIXEL) as usize + 100_000,
                gop: GOP,
            };
            // Browsers that are shown the file take no B-frames.
            let mut choice = self.choice.clone().in_order();
            // Recordings come first.
            choice.threads = 1;
            self.encoder = Some((VideoEncoder::new(&choice, &target)?, (width, height)));
        }
        let Some((encoder, (width, height))) = &mut self.encoder else {
            return Ok(());
        };
        let mut target = Picture::new(*width, *height)?;
        let whole = Crop {
            x: 0,
            y: 0,
            width: upright.0,
            height: upright.1,
        };
        self.scaler.scale(&source, whole, &mut target)?;
        let keyframe = self.next == 0 || index / i64::from(GOP) != (self.next - 1) / i64::from(GOP);
        self.next = index + 1;
        let mut made = Vec::new();
        encoder.encode(&target, index, keyframe, |coded| made.push(coded))?;
        self.push(made, file);
        Ok(())
    }

    fn turn(&self, picture: &mut frame::Video) {
        let Some(matrix) = self.matrix.as_deref().filter(|matrix| matrix.len() == 36) else {
            return;
        };
        if picture.side_data(frame::side_data::Type::DisplayMatrix).is_some() {
            return;
        }
        // SAFETY: the frame is alive; what is added to it has so many bytes, and is the frame's own.
        unsafe {
            let kind = ffi::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX;
            if let Some(added) = ffi::av_frame_new_side_data(picture.as_mut_ptr(), kind, matrix.len()).as_ref() {
                std::ptr::copy_nonoverlapping(matrix.as_ptr(), added.data, matrix.len());
            }
        }
    }

    pub(super) fn push(&mut self, made: Vec<Coded>, file: &mut Interleaved) {
        for coded in made {
            if let (None, Some((_, (width, height)))) = (&self.format, &self.encoder) {
                self.format = H264Format::of_keyframe(&coded.data, *width, *height);
            }
            file.push(
                0,
                AccessUnit {
                    pts_us: coded.pts * 1_000_000 / i64::from(FPS),
                    dts_us: coded.dts * 1_000_000 / i64::from(FPS),
                    data: coded.data.into(),
                    keyframe: coded.keyframe,
                },
            );
        }
    }

    pub(super) fn finish(&mut self, start_us: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        if self.decoder.send_eof().is_ok() {
            self.receive(start_us, file)?;
        }
        let mut made = Vec::new();
        if let Some((encoder, _)) = &mut self.encoder {
            encoder.finish(|coded| made.push(coded))?;
        }
        self.push(made, file);
        Ok(())
    }

    pub(super) fn track(&self) -> Option<MuxedTrack> {
        Some(MuxedTrack {
            format: Format::H264(self.format.clone()?),
            duration_us: 1_000_000 / i64::from(FPS),
        })
    }
}

/// The size at which a picture is shown, made to fit into the largest; both sides are even.
fn fitted((width, height): (u32, u32), aspect: f64) -> (u32, u32) {
    let (width, height) = (f64::from(width) * aspect, f64::from(height));
    let (most_wide, most_high) = match width >= height {
        true => WIDEST,
        false => (WIDEST.1, WIDEST.0),
    };
    let scale = (f64::from(most_wide) / width)
        .min(f64::from(most_high) / height)
        .min(1.0);
    let even = |side: f64| ((side * scale / 2.0).round() as u32).max(8) * 2;
    (even(width), even(height))
}
