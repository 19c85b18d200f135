use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::Context;
use h264_reader::nal::pps::PicParameterSet;
use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, PicOrderCntType, SeqParameterSet};
use h264_reader::nal::{Nal, RefNal};
use h264_reader::rbsp::{BitRead, BitReaderError, Numeric, Primitive};

use super::{FrameFormat, Malformed};
use crate::stream::annexb::START_CODE;
use crate::stream::{Format, H264Format};

/// A few hundred bytes even with scaling matrices.
const MAX_SET_BYTES: usize = 4096;
const UNREADABLE_SPS: Malformed = Malformed("H.264: unreadable sequence parameter set");
const UNREADABLE_PPS: Malformed = Malformed("H.264: unreadable picture parameter set");
const MAX_SPS_ID: u32 = 31;
const MAX_PPS_ID: u32 = 255;
/// When the stream does not tell its frame rate.
pub(super) const DEFAULT_FRAME_US: i64 = 33_333;

/// The sequence and picture parameter sets of an H.264 stream, by their ids.
#[derive(Debug, Default)]
pub(super) struct ParameterSets {
    sps: BTreeMap<u32, Bytes>,
    pps: BTreeMap<u32, Pps>,
    /// Those of the latest IDR picture,
    active: Option<(Bytes, Bytes)>,
    /// and what they mean.
    meaning: Option<Meaning>,
}

#[derive(Debug, PartialEq, Eq)]
struct Pps {
    sps_id: u32,
    nal: Bytes,
}

impl ParameterSets {
    /// Stores an SPS; `true` when it differs from the one that it replaces.
    pub(super) fn put_sps(&mut self, nal: &Bytes) -> Result<bool, Malformed> {
        let nal = &trimmed(nal)?;
        // Profile, constraints and level stand before the id.
        let id = leading_ue::<1>(nal, 3).map(|[id]| id).filter(|id| *id <= MAX_SPS_ID);
        let id = id.ok_or(UNREADABLE_SPS)?;
        let former = self.sps.get(&id).filter(|former| *former != nal);
        if former.is_some_and(|former| read_sps(former).is_some()) && read_sps(nal).is_none() {
            return Err(UNREADABLE_SPS);
        }
        Ok(self.sps.insert(id, nal.clone()).as_ref() != Some(nal))
    }

    /// Stores a PPS; `true` when it differs from the one that it replaces.
    pub(super) fn put_pps(&mut self, nal: &Bytes) -> Result<bool, Malformed> {
        let nal = trimmed(nal)?;
        let ids = leading_ue::<2>(&nal, 0).filter(|[id, sps_id]| *id <= MAX_PPS_ID && *sps_id <= MAX_SPS_ID);
        let [id, sps_id] = ids.ok_or(UNREADABLE_PPS)?;
        let pps = Pps { sps_id, nal };
        let former = self.pps.get(&id);
        let changed = former != Some(&pps);
        if changed && former.is_some_and(|former| self.is_readable(former, false)) && !self.is_readable(&pps, false) {
            return Err(UNREADABLE_PPS);
        }
        self.pps.insert(id, pps);
        Ok(changed)
    }

    /// Whether a PPS can be read; `to_its_end`: and nothing follows in it that belongs to none.
    fn is_readable(&self, pps: &Pps, to_its_end: bool) -> bool {
        let Some(sps) = self.sps.get(&pps.sps_id).and_then(|nal| read_sps(nal)) else {
            return false;
        };
        let mut context = Context::new();
        context.put_seq_param_set(sps);
        let bits = RefNal::new(&pps.nal, &[], true).rbsp_bits();
        match to_its_end {
            true => PicParameterSet::from_bits(&context, bits).is_ok(),
            false => PicParameterSet::from_bits(&context, OpenEnded(bits)).is_ok(),
        }
    }

    /// The parameter sets that an IDR picture with this PPS needs, as Annex B, and the format if it is a new one.
    pub(super) fn activate(&mut self, pps_id: u32) -> Result<(BytesMut, Option<FrameFormat>), Malformed> {
        const MISSING: Malformed = Malformed("H.264: picture without its parameter sets");
        let pps = self.pps.get(&pps_id).ok_or(MISSING)?;
        let sps = self.sps.get(&pps.sps_id).ok_or(MISSING)?;
        let now = (sps.clone(), pps.nal.clone());
        let format = if self.active.as_ref() == Some(&now) {
            None
        } else {
            let (format, meaning) = format(&now.0, &now.1)?;
            (self.meaning.replace(meaning) != Some(meaning)).then_some(format)
        };
        let mut annex_b = BytesMut::new();
        // Later pictures may refer to any PPS of the same sequence.
        // What a broken packet was taken for need not stand before each of them for ever.
        let is_due = |other: &Pps| other.sps_id == pps.sps_id && (other == pps || self.is_readable(other, true));
        let all_pps = self.pps.values().filter(|other| is_due(other)).map(|other| &other.nal);
        for nal in std::iter::once(sps).chain(all_pps) {
            annex_b.put_slice(&START_CODE);
            annex_b.put_slice(nal);
        }
        self.active = Some(now);
        Ok((annex_b, format))
    }
}

/// The NAL unit without what does not belong to it: some senders leave zeros or the next start code at its end.
pub(super) fn trimmed(nal: &Bytes) -> Result<Bytes, Malformed> {
    let bytes: &[u8] = nal;
    let bytes = bytes.strip_suffix(&[0, 0, 1]).unwrap_or(bytes);
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if length > MAX_SET_BYTES {
        return Err(Malformed("parameter set too long"));
    }
    Ok(nal.slice(..length))
}

/// The Exp-Golomb numbers that follow the NAL header and `skip` bytes.
pub(super) fn leading_ue<const N: usize>(nal: &[u8], skip: u32) -> Option<[u32; N]> {
    if nal.is_empty() {
        return None;
    }
    let mut bits = RefNal::new(nal, &[], true).rbsp_bits();
    bits.skip(skip * 8, "leading bytes").ok()?;
    let mut values = [0; N];
    for value in &mut values {
        *value = bits.read_ue("leading number").ok()?;
    }
    Some(values)
}

/// What a decoder has to hold of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureBuffer {
    /// In pixels, before cropping.
    pub width: u32,
    pub height: u32,
    pub picture_bytes: u64,
    /// Pictures that others are predicted from, or that wait for their presentation: 1 to 16.
    pub pictures: u32,
}

impl PictureBuffer {
    pub fn bytes(&self) -> u64 {
        self.picture_bytes.saturating_mul(u64::from(self.pictures))
    }
}

/// The width and height of a stream's pictures as they are shown, in pixels, by its sequence parameter set, a NAL unit. `None`
/// when that cannot be read.
pub fn picture_size(sps_nal: &[u8]) -> Option<(u32, u32)> {
    read_sps(sps_nal)?.pixel_dimensions().ok()
}

/// Reads it from a sequence parameter set, a NAL unit. `None` when that cannot be read.
pub fn picture_buffer(sps_nal: &[u8]) -> Option<PictureBuffer> {
    /// What the standard allows, H.264 A.3.1.
    const MAX_PICTURES: u32 = 16;
    let sps = read_sps(sps_nal)?;
    let fields = u32::from(matches!(sps.frame_mbs_flags, FrameMbsFlags::Fields { .. }));
    let width = sps.pic_width_in_mbs_minus1.checked_add(1)?.checked_mul(16)?;
    let height = sps
        .pic_height_in_map_units_minus1
        .checked_add(1)?
        .checked_mul(16 << fields)?;
    // Samples of a pixel, in halves.
    let halves = match sps.chroma_info.chroma_format {
        ChromaFormat::Monochrome => 2,
        ChromaFormat::YUV420 => 3,
        ChromaFormat::YUV422 => 4,
        ChromaFormat::YUV444 | ChromaFormat::Invalid(_) => 6,
    };
    let depth = sps
        .chroma_info
        .bit_depth_luma_minus8
        .max(sps.chroma_info.bit_depth_chroma_minus8);
    let sample_bytes = if depth > 0 { 2 } else { 1 };
    let restrictions = sps
        .vui_parameters
        .as_ref()
        .and_then(|vui| vui.bitstream_restrictions.as_ref());
    let declared = restrictions.map_or(0, |it| it.max_dec_frame_buffering.max(it.max_num_reorder_frames));
    Some(PictureBuffer {
        width,
        height,
        picture_bytes: (u64::from(width) * u64::from(height)).saturating_mul(halves * sample_bytes) / 2,
        pictures: sps.max_num_ref_frames.max(declared).clamp(1, MAX_PICTURES),
    })
}

fn read_sps(nal: &[u8]) -> Option<SeqParameterSet> {
    if nal.is_empty() {
        return None;
    }
    let bits = OpenEnded(RefNal::new(nal, &[], true).rbsp_bits());
    SeqParameterSet::from_bits(bits).ok()
}

/// What makes another format of a stream: decoders, players and the pictures' times depend on it. All else that parameter sets
/// say (level, usability, entropy coding) is read from those that stand before each IDR picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meaning {
    profile: u8,
    width: u32,
    height: u32,
    buffer: Option<PictureBuffer>,
    reorder_depth: u8,
}

fn format(sps_nal: &Bytes, pps_nal: &Bytes) -> Result<(FrameFormat, Meaning), Malformed> {
    let sps = read_sps(sps_nal).ok_or(UNREADABLE_SPS)?;
    let (width, height) = sps.pixel_dimensions().map_err(|_| UNREADABLE_SPS)?;
    let h264 = H264Format {
        sps: sps_nal.clone(),
        pps: pps_nal.clone(),
        width,
        height,
        reorder_depth: reorder_depth(&sps),
    };
    // Beyond these rates the VUI is not to be believed.
    let fps = sps.fps().filter(|fps| (1.0..=240.0).contains(fps));
    let frame_us = fps.map_or(DEFAULT_FRAME_US, |fps| (1_000_000.0 / fps).round() as i64);
    let meaning = Meaning {
        profile: sps.profile_idc.into(),
        width,
        height,
        buffer: picture_buffer(sps_nal),
        reorder_depth: h264.reorder_depth,
    };
    let format = FrameFormat {
        format: Format::H264(h264),
        frame_us,
    };
    Ok((format, meaning))
}

/// How many frames may precede a frame in decoding order and follow it in presentation order, where a sequence parameter set, a
/// NAL unit, says so.
pub fn told_reorder_depth(sps_nal: &[u8]) -> Option<u32> {
    let vui = read_sps(sps_nal)?.vui_parameters?;
    Some(vui.bitstream_restrictions?.max_num_reorder_frames)
}

/// How many frames may precede a frame in decoding order and follow it in presentation order.
///
/// Where the stream does not say so (H.264 E.2.1), the standard infers the size of the picture buffer; the number of
/// reference frames is a tighter bound that encoders keep, because a picture that waits for its presentation while later
/// ones are decoded is one that these refer to.
fn reorder_depth(sps: &SeqParameterSet) -> u8 {
    const BASELINE: u8 = 66;
    const INTRA_CAPABLE: [u8; 6] = [44, 86, 100, 110, 122, 244];
    let declared = sps
        .vui_parameters
        .as_ref()
        .and_then(|vui| vui.bitstream_restrictions.as_ref());
    let profile = sps.profile_idc.into();
    let depth = match declared {
        Some(restrictions) => restrictions.max_num_reorder_frames,
        None if profile == BASELINE || sps.pic_order_cnt == PicOrderCntType::TypeTwo => 0,
        None if INTRA_CAPABLE.contains(&profile) && sps.constraint_flags.flag3() => 0,
        None => sps.max_num_ref_frames,
    };
    depth.min(16) as u8
}

/// Reads a parameter set and lets what follows its last known field pass: extensions, and senders' sloppiness.
struct OpenEnded<R>(R);

impl<R: BitRead> BitRead for OpenEnded<R> {
    fn read_ue(&mut self, name: &'static str) -> Result<u32, BitReaderError> {
        self.0.read_ue(name)
    }

    fn read_se(&mut self, name: &'static str) -> Result<i32, BitReaderError> {
        self.0.read_se(name)
    }

    fn read_bool(&mut self, name: &'static str) -> Result<bool, BitReaderError> {
        self.0.read_bool(name)
    }

    fn read<U: Numeric>(&mut self, bit_count: u32, name: &'static str) -> Result<U, BitReaderError> {
        self.0.read(bit_count, name)
    }

    fn read_to<V: Primitive>(&mut self, name: &'static str) -> Result<V, BitReaderError> {
        self.0.read_to(name)
    }

    fn skip(&mut self, bit_count: u32, name: &'static str) -> Result<(), BitReaderError> {
        self.0.skip(bit_count, name)
    }

    fn has_more_rbsp_data(&mut self, name: &'static str) -> Result<bool, BitReaderError> {
        self.0.has_more_rbsp_data(name)
    }

    fn finish_rbsp(self) -> Result<(), BitReaderError> {
        Ok(())
    }

    fn finish_sei_payload(self) -> Result<(), BitReaderError> {
        Ok(())
    }
}
