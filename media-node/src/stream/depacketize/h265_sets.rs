//! The parameter sets of an H.265 stream, ITU-T H.265 7.3.2 and annex E: which there are, and what they mean.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::nal::{Nal, RefNal};
use h264_reader::rbsp::BitRead;

use super::h265_vui::{MAX_PICTURES, flag, number, skip, timing, ue, vui_frame_us};
use super::parameter_sets::{DEFAULT_FRAME_US, PictureBuffer, trimmed};
use super::{FrameFormat, Malformed};
use crate::stream::annexb::START_CODE;
use crate::stream::{Format, H265Format};

const UNREADABLE_SPS: Malformed = Malformed("H.265: unreadable sequence parameter set");
const MAX_SPS_ID: u32 = 15;
const MAX_PPS_ID: u32 = 63;
const MAX_LAYER_SETS: u32 = 1024;

const BLA_W_LP: u8 = 16;
const LAST_IRAP: u8 = 23;
const SLICE_TYPE_I: u32 = 2;

/// The video, sequence and picture parameter sets of an H.265 stream, by their ids.
#[derive(Debug, Default)]
pub(super) struct H265Sets {
    vps: BTreeMap<u32, Bytes>,
    sps: BTreeMap<u32, Sps>,
    pps: BTreeMap<u32, Pps>,
    /// Those of the latest picture that was entered,
    active: Option<[Bytes; 3]>,
    /// and what they mean.
    meaning: Option<Meaning>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sps {
    vps_id: u32,
    nal: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pps {
    sps_id: u32,
    /// `num_extra_slice_header_bits`.
    extra_bits: u32,
    nal: Bytes,
}

/// What the first slice segment of a picture says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SliceHead {
    pub(super) pps_id: u32,
    pub(super) intra: bool,
}

impl H265Sets {
    /// Stores a VPS; `true` when it differs from the one that it replaces.
    pub(super) fn put_vps(&mut self, nal: &Bytes) -> Result<bool, Malformed> {
        let nal = trimmed(nal)?;
        let id = bits(&nal).and_then(|mut bits| number(&mut bits, 4));
        let id = id.ok_or(Malformed("H.265: unreadable video parameter set"))?;
        Ok(self.vps.insert(id, nal.clone()).as_ref() != Some(&nal))
    }

    /// Stores an SPS; `true` when it differs from the one that it replaces.
    pub(super) fn put_sps(&mut self, nal: &Bytes) -> Result<bool, Malformed> {
        let nal = trimmed(nal)?;
        let ids = sps_ids(&nal).filter(|(id, _)| *id <= MAX_SPS_ID);
        let (id, vps_id) = ids.ok_or(UNREADABLE_SPS)?;
        let is_readable = |nal: &[u8]| SpsContent::read(nal).is_some();
        if self.sps.get(&id).is_some_and(|former| is_readable(&former.nal)) && !is_readable(&nal) {
            return Err(UNREADABLE_SPS);
        }
        let sps = Sps { vps_id, nal };
        let changed = self.sps.get(&id) != Some(&sps);
        self.sps.insert(id, sps);
        Ok(changed)
    }

    /// Stores a PPS; `true` when it differs from the one that it replaces.
    pub(super) fn put_pps(&mut self, nal: &Bytes) -> Result<bool, Malformed> {
        let nal = trimmed(nal)?;
        let read = || {
            let mut bits = bits(&nal)?;
            let (id, sps_id) = (ue(&mut bits)?, ue(&mut bits)?);
            // Dependent slice segments, output flag.
            skip(&mut bits, 2)?;
            Some((id, sps_id, number(&mut bits, 3)?))
        };
        let ids = read().filter(|(id, sps_id, _)| *id <= MAX_PPS_ID && *sps_id <= MAX_SPS_ID);
        let (id, sps_id, extra_bits) = ids.ok_or(Malformed("H.265: unreadable picture parameter set"))?;
        let pps = Pps {
            sps_id,
            extra_bits,
            nal,
        };
        let changed = self.pps.get(&id) != Some(&pps);
        self.pps.insert(id, pps);
        Ok(changed)
    }

    /// Reads the first slice segment of a picture; `kind` is its NAL unit type.
    pub(super) fn slice_head(&self, nal: &[u8], kind: u8) -> Option<SliceHead> {
        let mut bits = bits(nal)?;
        let irap = (BLA_W_LP..=LAST_IRAP).contains(&kind);
        // That it is the first; and what becomes of the pictures before it.
        skip(&mut bits, if irap { 2 } else { 1 })?;
        let pps_id = ue(&mut bits)?;
        skip(&mut bits, self.pps.get(&pps_id).map_or(0, |pps| pps.extra_bits))?;
        Some(SliceHead {
            pps_id,
            intra: irap || ue(&mut bits)? == SLICE_TYPE_I,
        })
    }

    /// The parameter sets that a picture with this PPS needs, as Annex B, and the format if it is a new one.
    pub(super) fn activate(&mut self, pps_id: u32) -> Result<(BytesMut, Option<FrameFormat>), Malformed> {
        const MISSING: Malformed = Malformed("H.265: picture without its parameter sets");
        let pps = self.pps.get(&pps_id).ok_or(MISSING)?;
        let sps = self.sps.get(&pps.sps_id).ok_or(MISSING)?;
        let vps = self.vps.get(&sps.vps_id).ok_or(MISSING)?;
        let now = [vps.clone(), sps.nal.clone(), pps.nal.clone()];
        let format = if self.active.as_ref() == Some(&now) {
            None
        } else {
            let (format, meaning) = format(&now)?;
            (self.meaning.replace(meaning) != Some(meaning)).then_some(format)
        };
        let mut annex_b = BytesMut::new();
        // Later pictures may refer to any PPS of the same sequence.
        let all_pps = self.pps.values().filter(|p| p.sps_id == pps.sps_id).map(|p| &p.nal);
        for nal in [vps, &sps.nal].into_iter().chain(all_pps) {
            annex_b.put_slice(&START_CODE);
            annex_b.put_slice(nal);
        }
        self.active = Some(now);
        Ok((annex_b, format))
    }
}

/// What makes another format of a stream: decoders, players and the pictures' times depend on it. All else that parameter sets
/// say (level, usability, coding tools) is read from those that stand before each picture that can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meaning {
    profile: u32,
    width: u32,
    height: u32,
    buffer: PictureBuffer,
    reorder_depth: u8,
}

/// `sets`: VPS, SPS and PPS.
fn format(sets: &[Bytes; 3]) -> Result<(FrameFormat, Meaning), Malformed> {
    let [vps, sps, pps] = sets;
    let read = SpsContent::read(sps).ok_or(UNREADABLE_SPS)?;
    let h265 = H265Format {
        vps: vps.clone(),
        sps: sps.clone(),
        pps: pps.clone(),
        width: read.width,
        height: read.height,
        reorder_depth: read.reorder_depth,
    };
    let meaning = Meaning {
        profile: read.profile,
        width: read.width,
        height: read.height,
        buffer: read.buffer,
        reorder_depth: read.reorder_depth,
    };
    let frame_us = read.frame_us.or_else(|| vps_frame_us(vps)).unwrap_or(DEFAULT_FRAME_US);
    let format = FrameFormat {
        format: Format::H265(h265),
        frame_us,
    };
    Ok((format, meaning))
}

/// The width and height of a stream's pictures as they are shown, in pixels, by its sequence parameter set, a NAL unit. `None`
/// when that cannot be read.
pub fn h265_picture_size(sps_nal: &[u8]) -> Option<(u32, u32)> {
    SpsContent::read(sps_nal).map(|sps| (sps.width, sps.height))
}

/// Reads it from a sequence parameter set, a NAL unit. `None` when that cannot be read.
pub fn h265_picture_buffer(sps_nal: &[u8]) -> Option<PictureBuffer> {
    SpsContent::read(sps_nal).map(|sps| sps.buffer)
}

struct SpsContent {
    /// Profile space and profile.
    profile: u32,
    /// In pixels, after cropping.
    width: u32,
    height: u32,
    buffer: PictureBuffer,
    reorder_depth: u8,
    frame_us: Option<i64>,
}

impl SpsContent {
    fn read(nal: &[u8]) -> Option<Self> {
        let bits = &mut bits(nal)?;
        skip(bits, 4)?;
        let sub_layers = sub_layers(bits)?;
        let profile = profile_tier_level(bits, sub_layers)?;
        let _id = ue(bits)?;
        let chroma = ue(bits).filter(|chroma| *chroma <= 3)?;
        if chroma == 3 {
            skip(bits, 1)?;
        }
        let (coded_width, coded_height) = (ue(bits)?, ue(bits)?);
        let mut cropped = (coded_width, coded_height);
        if flag(bits)? {
            let across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
            let down = if chroma == 1 { 2 } else { 1 };
            let [left, right, top, bottom] = [ue(bits)?, ue(bits)?, ue(bits)?, ue(bits)?];
            let off = |a: u32, b: u32, unit: u32| a.checked_add(b)?.checked_mul(unit);
            cropped.0 = coded_width.checked_sub(off(left, right, across)?)?;
            cropped.1 = coded_height.checked_sub(off(top, bottom, down)?)?;
        }
        let (width, height) = Some(cropped).filter(|(width, height)| *width > 0 && *height > 0)?;
        let depth = ue(bits)?.max(ue(bits)?);
        let poc_bits = ue(bits)?.checked_add(4).filter(|bits| *bits <= 16)?;
        let (pictures, reorder) = sub_layer_ordering(bits, sub_layers)?;
        // Samples of a pixel, in halves.
        let halves = match chroma {
            0 => 2,
            1 => 3,
            2 => 4,
            _ => 6,
        };
        let sample_bytes = if depth > 0 { 2 } else { 1 };
        let pixels = u64::from(coded_width) * u64::from(coded_height);
        Some(Self {
            profile,
            width,
            height,
            buffer: PictureBuffer {
                width: coded_width,
                height: coded_height,
                picture_bytes: pixels.saturating_mul(halves * sample_bytes) / 2,
                pictures: pictures.clamp(1, MAX_PICTURES),
            },
            reorder_depth: reorder.min(MAX_PICTURES) as u8,
            // What stands behind the pictures' sizes is often wrong, and little depends on it.
            frame_us: vui_frame_us(bits, poc_bits),
        })
    }
}

/// The ids of an SPS: its own, and that of its VPS.
fn sps_ids(nal: &[u8]) -> Option<(u32, u32)> {
    let bits = &mut bits(nal)?;
    let vps_id = number(bits, 4)?;
    let sub_layers = sub_layers(bits)?;
    profile_tier_level(bits, sub_layers)?;
    Some((ue(bits)?, vps_id))
}

/// `sps_max_sub_layers_minus1`, and whether they nest.
fn sub_layers(bits: &mut impl BitRead) -> Option<u32> {
    let sub_layers = number(bits, 3).filter(|sub_layers| *sub_layers < 7)?;
    skip(bits, 1)?;
    Some(sub_layers)
}

/// H.265 7.3.3; profile space and profile.
fn profile_tier_level(bits: &mut impl BitRead, sub_layers: u32) -> Option<u32> {
    let space = number(bits, 2)?;
    skip(bits, 1)?;
    let profile = number(bits, 5)?;
    // Compatibility and constraints, the level.
    skip(bits, 32 + 48 + 8)?;
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((flag(bits)?, flag(bits)?));
    }
    if sub_layers > 0 {
        skip(bits, 2 * (8 - sub_layers))?;
    }
    for (profile, level) in present {
        skip(bits, if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Some(space << 5 | profile)
}

/// How many pictures the highest sub-layer has to hold, and by how many it reorders them.
fn sub_layer_ordering(bits: &mut impl BitRead, sub_layers: u32) -> Option<(u32, u32)> {
    let each = flag(bits)?;
    let mut highest = (1, 0);
    for _ in 0..=if each { sub_layers } else { 0 } {
        highest = (ue(bits)?.saturating_add(1), ue(bits)?);
        ue(bits)?;
    }
    Some(highest)
}

/// The nominal time between two pictures by a VPS.
fn vps_frame_us(nal: &[u8]) -> Option<i64> {
    let bits = &mut bits(nal)?;
    // Its id, the base layer, the layers.
    skip(bits, 4 + 2 + 6)?;
    let sub_layers = sub_layers(bits)?;
    skip(bits, 16)?;
    profile_tier_level(bits, sub_layers)?;
    sub_layer_ordering(bits, sub_layers)?;
    let layers = number(bits, 6)? + 1;
    let sets = ue(bits).filter(|sets| *sets < MAX_LAYER_SETS)?;
    for _ in 0..sets {
        skip(bits, layers)?;
    }
    timing(bits)
}

/// The bits behind the two bytes of a NAL unit's header.
fn bits(nal: &[u8]) -> Option<impl BitRead> {
    let nal = nal.get(1..).filter(|nal| !nal.is_empty())?;
    Some(RefNal::new(nal, &[], true).rbsp_bits())
}
