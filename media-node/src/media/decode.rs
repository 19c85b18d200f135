use ffmpeg_next::codec::{self, Context, Id, threading};
use ffmpeg_next::frame::side_data::Type;
use ffmpeg_next::util::error::{EAGAIN, ENOMEM};
use ffmpeg_next::{Error, Packet, decoder, ffi, frame};

use super::turn::{MATRIX_BYTES, bytes, matrix};
use super::{MediaError, Picture, Sound};
use crate::stream::{Coding, Format, OpusHead, PcmCoding, PcmFormat, PictureLimit, VideoCodec};

/// What an Opus decoder gives, whatever the sound was coded for.
const OPUS_RATE: u32 = 48_000;

/// Decodes one stream of pictures, in the calling thread. It begins at a key frame.
pub struct VideoDecoder {
    decoder: decoder::Video,
    coding: Coding,
    limit: PictureLimit,
    /// As the last picture that said how it has to be turned, and its size.
    turned: Option<((u32, u32), [u8; MATRIX_BYTES])>,
}

impl VideoDecoder {
    /// Units with pictures beyond the limit are refused before anything is allocated for them.
    pub fn new(coding: impl Into<Coding>, limit: PictureLimit) -> Result<Self, MediaError> {
        let coding = coding.into();
        let codec = coding.codec;
        let id = match codec {
            VideoCodec::H264 => Id::H264,
            VideoCodec::H265 => Id::HEVC,
            VideoCodec::Vp8 => Id::VP8,
            VideoCodec::Vp9 => Id::VP9,
            VideoCodec::Av1 => Id::AV1,
            VideoCodec::Jpeg => Id::MJPEG,
        };
        let mut context = context(id, codec.name())?;
        // SAFETY: a plain field of a context that is not open.
        unsafe { (*context.as_mut_ptr()).max_pixels = limit.pixels().try_into().unwrap_or(i64::MAX) }
        let decoder = context
            .decoder()
            .video()
            .map_err(|error| MediaError::new(format!("open the {} decoder", codec.name()), error))?;
        Ok(Self {
            decoder,
            coding,
            limit,
            turned: None,
        })
    }

    pub fn coding(&self) -> Coding {
        self.coding
    }

    fn codec(&self) -> VideoCodec {
        self.coding.codec
    }

    /// Takes one access unit and gives the pictures that are complete by it, in the order of their presentation, each
    /// with its time in microseconds. The decoder keeps as many back as the stream reorders.
    pub fn decode(
        &mut self,
        data: &[u8],
        pts_us: i64,
        dts_us: i64,
        mut each: impl FnMut(Picture, i64),
    ) -> Result<(), MediaError> {
        self.limit.check_unit(self.codec(), data)?;
        let mut packet = Packet::copy(data);
        packet.set_pts(Some(pts_us));
        packet.set_dts(Some(dts_us));
        self.decoder
            .send_packet(&packet)
            .map_err(|error| MediaError::new(format!("decode an access unit of {}", self.codec().name()), error))?;
        self.receive(pts_us, &mut each)
    }

    /// Gives what the decoder has kept back. Nothing can be decoded afterwards.
    pub fn finish(&mut self, mut each: impl FnMut(Picture, i64)) -> Result<(), MediaError> {
        self.decoder
            .send_eof()
            .map_err(|error| MediaError::new(format!("finish the {} decoder", self.codec().name()), error))?;
        self.receive(0, &mut each)
    }

    fn receive(&mut self, pts_us: i64, each: &mut impl FnMut(Picture, i64)) -> Result<(), MediaError> {
        loop {
            let mut picture = frame::Video::empty();
            match self.decoder.receive_frame(&mut picture) {
                Ok(()) => {
                    let pts_us = picture.timestamp().unwrap_or(pts_us);
                    self.turn(&mut picture);
                    each(Picture(picture), pts_us);
                }
                Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(()),
                Err(error) => {
                    let doing = format!("decode a picture of {}", self.codec().name());
                    return Err(MediaError::new(doing, error));
                }
            }
        }
    }
}

impl VideoDecoder {
    /// What a picture says of its turn goes before what is told beside it, and for those of its size behind it, until one says otherwise: some senders say it once,
    /// and not again with each key frame.
    fn turn(&mut self, picture: &mut frame::Video) {
        let size = (picture.width(), picture.height());
        let own = picture.side_data(Type::DisplayMatrix);
        let own = own.and_then(|matrix| matrix.data().first_chunk().copied());
        if let Some(matrix) = own {
            self.turned = Some((size, matrix));
            return;
        }
        self.turned.take_if(|(turned, _)| *turned != size);
        let told = || matrix(self.coding.quarters).map(|matrix| bytes(&matrix));
        if let Some(matrix) = self.turned.map(|(_, matrix)| matrix).or_else(told) {
            // SAFETY: the frame is alive; what is added to it has so many bytes, and is the frame's own.
            unsafe {
                let kind = ffi::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX;
                let added = ffi::av_frame_new_side_data(picture.as_mut_ptr(), kind, MATRIX_BYTES);
                if let Some(added) = added.as_ref() {
                    std::ptr::copy_nonoverlapping(matrix.as_ptr(), added.data, MATRIX_BYTES);
                }
            }
        }
    }
}

/// A coded audio stream, as far as a decoder must know it beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// With its AudioSpecificConfig, ISO/IEC 14496-3.
    Aac {
        config: Vec<u8>,
    },
    /// RFC 7587: always at 48 kHz.
    Opus {
        channels: u16,
    },
    Pcm(PcmFormat),
    /// MPEG audio of layer 2 or 3: each frame has its header.
    Mpeg {
        layer: u8,
    },
}

impl AudioCodec {
    /// `None` for what is no sound.
    pub fn of(format: &Format) -> Option<Self> {
        Some(match format {
            Format::Aac(aac) => Self::Aac {
                config: aac.config.to_vec(),
            },
            Format::Opus(opus) => Self::Opus {
                channels: opus.channels,
            },
            Format::Pcm(pcm) => Self::Pcm(pcm.clone()),
            Format::Mpeg(mpeg) => Self::Mpeg { layer: mpeg.layer },
            _ => return None,
        })
    }

    /// FFmpeg's decoder for it, and its name for a person.
    fn decoder(&self) -> (Id, &'static str) {
        match self {
            Self::Aac { .. } => (Id::AAC, "AAC"),
            Self::Opus { .. } => (Id::OPUS, "Opus"),
            Self::Pcm(pcm) => match pcm.coding {
                PcmCoding::MuLaw => (Id::PCM_MULAW, "PCMU"),
                PcmCoding::ALaw => (Id::PCM_ALAW, "PCMA"),
                PcmCoding::G722 => (Id::ADPCM_G722, "G.722"),
                PcmCoding::L16 => (Id::PCM_S16BE, "L16"),
            },
            Self::Mpeg { layer: 2 } => (Id::MP2, "MP2"),
            Self::Mpeg { .. } => (Id::MP3, "MP3"),
        }
    }
}

/// Decodes one audio stream whose access units are whole frames.
pub struct AudioDecoder {
    decoder: decoder::Audio,
    codec: AudioCodec,
}

impl AudioDecoder {
    pub fn new(codec: &AudioCodec) -> Result<Self, MediaError> {
        let (id, name) = codec.decoder();
        let mut context = context(id, name)?;
        match codec {
            AudioCodec::Aac { config } => set_extradata(&mut context, config)?,
            AudioCodec::Opus { channels } => set_extradata(&mut context, &opus_head(*channels))?,
            AudioCodec::Pcm(pcm) => set_samples(&mut context, pcm),
            AudioCodec::Mpeg { .. } => {}
        }
        let opened = context.decoder().audio();
        let decoder = opened.map_err(|error| MediaError::new(format!("open the {name} decoder"), error))?;
        Ok(Self {
            decoder,
            codec: codec.clone(),
        })
    }

    /// Takes one access unit and gives its samples; nothing while the decoder warms up.
    pub fn decode(&mut self, data: &[u8]) -> Result<Option<Sound>, MediaError> {
        if let AudioCodec::Opus { channels } = self.codec
            && let Some(head) = OpusHead::read(data)
            && head.empty
        {
            // FFmpeg's decoder takes what is not there for coded sound.
            return Ok(Some(Sound::silence(OPUS_RATE, channels, head.samples as usize)));
        }
        self.decoder
            .send_packet(&Packet::copy(data))
            .map_err(|error| MediaError::new("decode an audio frame", error))?;
        let mut sound = frame::Audio::empty();
        match self.decoder.receive_frame(&mut sound) {
            Ok(()) => Ok(Some(Sound(sound))),
            Err(Error::Other { errno: EAGAIN } | Error::Eof) => Ok(None),
            Err(error) => Err(MediaError::new("decode an audio frame", error)),
        }
    }
}

fn context(id: Id, name: &str) -> Result<Context, MediaError> {
    // FFmpeg's own decoder of AV1 works on hardware only.
    let software = (id == Id::AV1)
        .then(|| codec::decoder::find_by_name("libdav1d"))
        .flatten();
    let codec = software
        .or_else(|| codec::decoder::find(id))
        .ok_or_else(|| MediaError::new(format!("find a decoder for {name}"), Error::DecoderNotFound))?;
    let mut context = Context::new_with_codec(codec);
    // One thread: a mixer decodes many streams, so that whole streams are its unit of parallelism.
    context.set_threading(threading::Config {
        count: 1,
        ..Default::default()
    });
    Ok(context)
}

fn set_extradata(context: &mut Context, bytes: &[u8]) -> Result<(), MediaError> {
    let padded = bytes.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: the buffer is made by av_mallocz with the padding that decoders read over, filled within its length, and
    // owned by the context from then on, which frees it.
    unsafe {
        let buffer = ffi::av_mallocz(padded).cast::<u8>();
        if buffer.is_null() {
            return Err(MediaError::new(
                "allocate a decoder's configuration",
                Error::Other { errno: ENOMEM },
            ));
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len());
        (*context.as_mut_ptr()).extradata = buffer;
        (*context.as_mut_ptr()).extradata_size = bytes.len() as i32;
    }
    Ok(())
}

fn set_samples(context: &mut Context, pcm: &PcmFormat) {
    // SAFETY: plain fields of a context that is not open.
    unsafe {
        let context = &mut *context.as_mut_ptr();
        context.sample_rate = pcm.sample_rate.try_into().unwrap_or(i32::MAX);
        ffi::av_channel_layout_default(&raw mut context.ch_layout, i32::from(pcm.channels));
    }
}

/// The identification header of RFC 7845, which RTP does not carry: no pre-skip, no gain, mapping family 0.
fn opus_head(channels: u16) -> [u8; 19] {
    let mut head = *b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00";
    head[9] = if channels == 1 { 1 } else { 2 };
    head
}
