use std::path::Path;
use std::ptr;

use bytes::Bytes;
use ffmpeg_next::codec::Id;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::util::error::EAGAIN;
use ffmpeg_next::{Error, Packet, Rational, ffi, format, media, packet};

use super::MediaError;
use crate::stream::{
    AacFormat, AccessUnit, Av1Format, Format, H264Format, H265Format, JpegFormat, OpusFormat, Quarters, Track,
    Vp8Format, Vp9Format, annexb,
};

/// Reads a media file as if it were captured: its first video track of the codecs that are recorded, and its first AAC or Opus track.
pub struct Demuxer {
    input: Input,
    video: Option<(usize, Option<AnnexB>)>,
    audio: Option<usize>,
    formats: Vec<(Track, Format)>,
}

/// One unit of a track, at its time in the file.
pub type Demuxed = (Track, AccessUnit);

impl Demuxer {
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let input = format::input(path).map_err(MediaError::during("open this file"))?;
        let mut formats = Vec::new();
        let mut video = None;
        let mut audio = None;
        for stream in input.streams() {
            let parameters = stream.parameters();
            // SAFETY: the parameters belong to the open input and are only read.
            let raw = unsafe { &*parameters.as_ptr() };
            match (parameters.medium(), parameters.id()) {
                (media::Type::Video, id @ (Id::H264 | Id::HEVC)) if video.is_none() => {
                    let filter = AnnexB::new(raw)?;
                    formats.push((Track::Video, video_format(raw, id, &filter.configuration())));
                    video = Some((stream.index(), Some(filter)));
                }
                (media::Type::Video, Id::VP8) if video.is_none() => {
                    let (width, height) = size(raw);
                    formats.push((
                        Track::Video,
                        Format::Vp8(Vp8Format {
                            width,
                            height,
                            quarters: Quarters::default(),
                        }),
                    ));
                    video = Some((stream.index(), None));
                }
                (media::Type::Video, Id::VP9) if video.is_none() => {
                    formats.push((Track::Video, Format::Vp9(vp9_format(raw))));
                    video = Some((stream.index(), None));
                }
                (media::Type::Video, Id::MJPEG) if video.is_none() => {
                    let (width, height) = size(raw);
                    formats.push((Track::Video, Format::Jpeg(JpegFormat { width, height })));
                    video = Some((stream.index(), None));
                }
                (media::Type::Video, Id::AV1) if video.is_none() => {
                    formats.push((Track::Video, Format::Av1(av1_format(raw))));
                    video = Some((stream.index(), None));
                }
                (media::Type::Audio, id @ (Id::AAC | Id::OPUS)) if audio.is_none() => {
                    audio = Some(stream.index());
                    formats.push((Track::Audio, audio_format(raw, id)));
                }
                _ => {}
            }
        }
        if formats.is_empty() {
            return Err(MediaError::new(
                "find a codec in this file that is recorded",
                Error::StreamNotFound,
            ));
        }
        Ok(Self {
            input,
            video,
            audio,
            formats,
        })
    }

    pub fn formats(&self) -> &[(Track, Format)] {
        &self.formats
    }

    /// The next unit in the order of the file, `None` behind the last.
    pub fn next_unit(&mut self) -> Result<Option<Demuxed>, MediaError> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) => {}
                Err(Error::Eof) => return Ok(None),
                Err(error) => return Err(MediaError::new("read this file", error)),
            }
            let index = packet.stream();
            let track = match &mut self.video {
                Some((video, filter)) if *video == index => {
                    if let Some(filter) = filter {
                        filter.convert(&mut packet)?;
                    }
                    Track::Video
                }
                _ if self.audio == Some(index) => Track::Audio,
                _ => continue,
            };
            let Some(base) = self.input.stream(index).map(|stream| stream.time_base()) else {
                continue;
            };
            let (Some(pts), Some(data)) = (packet.pts(), packet.data()) else {
                continue;
            };
            let pts_us = microseconds(pts, base);
            let unit = AccessUnit {
                pts_us,
                dts_us: packet.dts().map_or(pts_us, |dts| microseconds(dts, base)),
                data: data.to_vec().into(),
                keyframe: packet.is_key(),
            };
            return Ok(Some((track, unit)));
        }
    }
}

fn microseconds(ticks: i64, base: Rational) -> i64 {
    let scaled = i128::from(ticks) * i128::from(base.numerator()) * 1_000_000;
    i64::try_from(scaled.div_euclid(i128::from(base.denominator().max(1)))).unwrap_or(i64::MAX)
}

fn size(raw: &ffi::AVCodecParameters) -> (u32, u32) {
    (raw.width.try_into().unwrap_or(0), raw.height.try_into().unwrap_or(0))
}

/// The sequence header stands behind four bytes of the AV1 codec configuration record.
fn av1_format(raw: &ffi::AVCodecParameters) -> Av1Format {
    let (width, height) = size(raw);
    let record = extradata(raw);
    Av1Format {
        sequence_header: Bytes::copy_from_slice(record.get(4..).unwrap_or_default()),
        width,
        height,
        quarters: Quarters::default(),
    }
}

/// The profile tells the rest, as far as it matters: streams of the odd ones seldom occur.
fn vp9_format(raw: &ffi::AVCodecParameters) -> Vp9Format {
    let (width, height) = size(raw);
    let profile = u8::try_from(raw.profile).unwrap_or(0).min(3);
    let halved = profile % 2 == 0;
    Vp9Format {
        width,
        height,
        profile,
        bit_depth: if profile < 2 { 8 } else { 10 },
        chroma_halved: (halved, halved),
        quarters: Quarters::default(),
    }
}

/// `configuration`: Annex B. Where it lacks parameter sets, each key frame carries them all the same.
fn video_format(raw: &ffi::AVCodecParameters, id: Id, configuration: &[u8]) -> Format {
    let (width, height) = size(raw);
    let reorder_depth = raw.video_delay.try_into().unwrap_or(0);
    if id == Id::HEVC {
        let [vps, sps, pps] = annexb::h265_parameter_sets(configuration)
            .unwrap_or_default()
            .map(Bytes::copy_from_slice);
        return Format::H265(H265Format {
            vps,
            sps,
            pps,
            width,
            height,
            reorder_depth,
        });
    }
    let (sps, pps) = annexb::parameter_sets(configuration).unwrap_or_default();
    let [sps, pps] = [sps, pps].map(Bytes::copy_from_slice);
    Format::H264(H264Format {
        sps,
        pps,
        width,
        height,
        reorder_depth,
    })
}

fn extradata(raw: &ffi::AVCodecParameters) -> Vec<u8> {
    // SAFETY: extradata is null or as long as its size says.
    unsafe {
        match usize::try_from(raw.extradata_size) {
            Ok(size) if !raw.extradata.is_null() => std::slice::from_raw_parts(raw.extradata, size).to_vec(),
            _ => Vec::new(),
        }
    }
}

fn audio_format(raw: &ffi::AVCodecParameters, id: Id) -> Format {
    let config = extradata(raw);
    let channels = u16::try_from(raw.ch_layout.nb_channels).unwrap_or(0);
    if id == Id::OPUS {
        return Format::Opus(OpusFormat { channels });
    }
    Format::Aac(AacFormat {
        config: config.into(),
        sample_rate: raw.sample_rate.try_into().unwrap_or(0),
        channels,
        frame_length: raw.frame_size.try_into().unwrap_or(1024),
    })
}

/// Turns length-prefixed H.264 or H.265 into Annex B with parameter sets in front of each key frame; Annex B stays as it is.
struct AnnexB(*mut ffi::AVBSFContext);

// SAFETY: the context is owned by one value and has no ties to the thread that made it.
unsafe impl Send for AnnexB {}

impl AnnexB {
    fn new(parameters: &ffi::AVCodecParameters) -> Result<Self, MediaError> {
        let failed = |code| MediaError::new("make an Annex B filter", Error::from(code));
        let mut filter = Self(ptr::null_mut());
        // SAFETY: the name ends with a zero; each call gets what the one before made, and only after it succeeded;
        // what is made is freed by `drop`.
        unsafe {
            let is_h265 = Id::from(parameters.codec_id) == Id::HEVC;
            let name = if is_h265 {
                c"hevc_mp4toannexb"
            } else {
                c"h264_mp4toannexb"
            };
            let kind = ffi::av_bsf_get_by_name(name.as_ptr());
            if kind.is_null() {
                return Err(MediaError::new("make an Annex B filter", Error::BsfNotFound));
            }
            match ffi::av_bsf_alloc(kind, &raw mut filter.0) {
                code if code < 0 => return Err(failed(code)),
                _ => {}
            }
            match ffi::avcodec_parameters_copy((*filter.0).par_in, parameters) {
                code if code < 0 => return Err(failed(code)),
                _ => {}
            }
            match ffi::av_bsf_init(filter.0) {
                code if code < 0 => Err(failed(code)),
                _ => Ok(filter),
            }
        }
    }

    /// The parameter sets that stand in front of the stream.
    fn configuration(&self) -> Vec<u8> {
        // SAFETY: the filter is initialised, so that its output's parameters are set; they are only read.
        unsafe { extradata(&*(*self.0).par_out) }
    }

    fn convert(&mut self, packet: &mut Packet) -> Result<(), MediaError> {
        use packet::Mut;
        // SAFETY: both are alive; the filter takes the packet's content and gives one packet for it.
        let code = unsafe {
            match ffi::av_bsf_send_packet(self.0, packet.as_mut_ptr()) {
                code if code < 0 => code,
                _ => ffi::av_bsf_receive_packet(self.0, packet.as_mut_ptr()),
            }
        };
        match code {
            code if code >= 0 || code == ffi::AVERROR(EAGAIN) => Ok(()),
            code => Err(MediaError::new("read the video of this file", Error::from(code))),
        }
    }
}

impl Drop for AnnexB {
    fn drop(&mut self) {
        // SAFETY: made by av_bsf_alloc or null; freed once.
        unsafe { ffi::av_bsf_free(&raw mut self.0) }
    }
}
