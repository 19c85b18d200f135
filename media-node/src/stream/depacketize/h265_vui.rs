//! What stands behind the sizes of the pictures in an SPS of H.265 (ITU-T H.265 7.3.2.2 and annex E), as far as to the rate of the
//! pictures; and how fields are read.

use h264_reader::rbsp::BitRead;

/// What the standard allows, H.265 A.4.2.
pub(super) const MAX_PICTURES: u32 = 16;
const MAX_SHORT_TERM_SETS: u32 = 64;
const MAX_LONG_TERM_PICTURES: u32 = 32;

/// The nominal time between two pictures by the usability information of an SPS whose sub-layers have been read.
pub(super) fn vui_frame_us(bits: &mut impl BitRead, poc_bits: u32) -> Option<i64> {
    // Sizes of coding and transform blocks.
    for _ in 0..6 {
        ue(bits)?;
    }
    if flag(bits)? && flag(bits)? {
        scaling_lists(bits)?;
    }
    // Asymmetric partitions, sample adaptive offset.
    skip(bits, 2)?;
    if flag(bits)? {
        skip(bits, 8)?;
        ue(bits)?;
        ue(bits)?;
        skip(bits, 1)?;
    }
    let mut pictures = 0;
    for index in 0..ue(bits).filter(|sets| *sets <= MAX_SHORT_TERM_SETS)? {
        pictures = short_term_set(bits, index > 0, pictures)?;
    }
    if flag(bits)? {
        for _ in 0..ue(bits).filter(|pictures| *pictures <= MAX_LONG_TERM_PICTURES)? {
            skip(bits, poc_bits + 1)?;
        }
    }
    // Temporal prediction of vectors, strong intra smoothing.
    skip(bits, 2)?;
    if !flag(bits)? {
        return None;
    }
    const OTHER_ASPECT: u32 = 255;
    if flag(bits)? && number(bits, 8)? == OTHER_ASPECT {
        skip(bits, 32)?;
    }
    if flag(bits)? {
        skip(bits, 1)?;
    }
    if flag(bits)? {
        skip(bits, 4)?;
        if flag(bits)? {
            skip(bits, 24)?;
        }
    }
    if flag(bits)? {
        ue(bits)?;
        ue(bits)?;
    }
    // Neutral chroma, fields, what is said of each frame.
    skip(bits, 3)?;
    if flag(bits)? {
        for _ in 0..4 {
            ue(bits)?;
        }
    }
    timing(bits)
}

/// H.265 7.3.4.
fn scaling_lists(bits: &mut impl BitRead) -> Option<()> {
    for size in 0..4u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !flag(bits)? {
                ue(bits)?;
                continue;
            }
            let coefficients = 64.min(1 << (4 + (size << 1)));
            for _ in 0..coefficients + u32::from(size > 1) {
                ue(bits)?;
            }
        }
    }
    Some(())
}

/// H.265 7.3.7; the number of pictures in the set. `before`: that of the set before.
fn short_term_set(bits: &mut impl BitRead, predictable: bool, before: u32) -> Option<u32> {
    if predictable && flag(bits)? {
        skip(bits, 1)?;
        ue(bits)?;
        let mut pictures = 0;
        for _ in 0..=before {
            let used = flag(bits)?;
            pictures += u32::from(used || flag(bits)?);
        }
        return Some(pictures);
    }
    let (before, behind) = (ue(bits)?, ue(bits)?);
    let pictures = before
        .checked_add(behind)
        .filter(|pictures| *pictures <= MAX_PICTURES)?;
    for _ in 0..pictures {
        ue(bits)?;
        skip(bits, 1)?;
    }
    Some(pictures)
}

/// Where timing information stands: ticks in a picture and in a second. Beyond some rates it is not to be believed.
pub(super) fn timing(bits: &mut impl BitRead) -> Option<i64> {
    if !flag(bits)? {
        return None;
    }
    let (ticks, scale) = (number(bits, 32)?, number(bits, 32)?);
    let fps = f64::from(scale) / f64::from(ticks);
    (1.0..=240.0).contains(&fps).then(|| (1_000_000.0 / fps).round() as i64)
}

pub(super) fn ue(bits: &mut impl BitRead) -> Option<u32> {
    bits.read_ue("number").ok()
}

pub(super) fn flag(bits: &mut impl BitRead) -> Option<bool> {
    bits.read_bool("flag").ok()
}

pub(super) fn number(bits: &mut impl BitRead, count: u32) -> Option<u32> {
    bits.read(count, "number").ok()
}

pub(super) fn skip(bits: &mut impl BitRead, count: u32) -> Option<()> {
    bits.skip(count, "what nothing depends on").ok()
}
