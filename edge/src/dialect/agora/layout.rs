//! The layout of a mixed picture: in `transcodingConfig` of start, and the whole of `updateLayout`.

use super::names::uid_error;
use crate::access::Flavour;
use crate::input::{FieldError, Fields};
use crate::recording::{Arrangement, Fit, Layout, Region};

const MAX_REGIONS: usize = 17;
/// Fractions have six digits behind the point; their sums may be off by as little.
const TOLERANCE: f64 = 1e-6;

pub(super) fn read(config: &Fields<'_>, flavour: Flavour) -> Result<Layout, FieldError> {
    let number = config.integer("mixedVideoLayout", 0..=3)?.unwrap_or(0);
    let large = uid(config, "maxResolutionUid", flavour)?;
    let regions = config
        .objects("layoutConfig", MAX_REGIONS)?
        .filter(|regions| !regions.is_empty());
    if number != 3 && regions.is_some() {
        return Err(config.error("layoutConfig", "must not be set unless mixedVideoLayout is 3"));
    }
    let arrangement = match number {
        0 => Arrangement::Floating,
        1 => Arrangement::BestFit,
        2 => Arrangement::Vertical { large },
        _ => {
            let regions = regions.ok_or_else(|| config.error("layoutConfig", "is required with mixedVideoLayout 3"))?;
            Arrangement::Custom(
                regions
                    .iter()
                    .map(|area| region(area, flavour))
                    .collect::<Result<_, _>>()?,
            )
        }
    };
    for name in ["backgroundImage", "defaultUserBackgroundImage"] {
        config.string(name)?;
    }
    for image in config.objects("backgroundConfig", MAX_REGIONS)?.unwrap_or_default() {
        image.require("uid", uid(&image, "uid", flavour)?)?;
        image.require("image_url", image.string("image_url")?)?;
        image.integer("render_mode", 0..=1)?;
    }
    Ok(Layout {
        arrangement,
        background: background(config)?,
    })
}

fn background(config: &Fields<'_>) -> Result<[u8; 3], FieldError> {
    let Some(text) = config.string("backgroundColor")? else {
        return Ok([0; 3]);
    };
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let color = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let color = color.ok_or_else(|| config.error("backgroundColor", "must be # and six hexadecimal digits"))?;
    let [_, red, green, blue] = color.to_be_bytes();
    Ok([red, green, blue])
}

fn region(area: &Fields<'_>, flavour: Flavour) -> Result<Region, FieldError> {
    let fraction = |name| area.number(name, 0.0..=1.0);
    let required = |name| area.require(name, fraction(name)?);
    let region = Region {
        uid: uid(area, "uid", flavour)?,
        x: required("x_axis")?,
        y: required("y_axis")?,
        width: required("width")?,
        height: required("height")?,
        alpha: fraction("alpha")?.unwrap_or(1.0),
        fit: match area.integer("render_mode", 0..=1)? {
            Some(1) => Fit::Contain,
            _ => Fit::Cover,
        },
    };
    if region.x + region.width > 1.0 + TOLERANCE {
        return Err(area.error("width", "and x_axis must not add up to more than 1"));
    }
    if region.y + region.height > 1.0 + TOLERANCE {
        return Err(area.error("height", "and y_axis must not add up to more than 1"));
    }
    Ok(region)
}

fn uid(fields: &Fields<'_>, name: &str, flavour: Flavour) -> Result<Option<String>, FieldError> {
    match fields.string(name)? {
        Some(uid) if !flavour.is_uid(uid) => Err(uid_error(fields, name, flavour)),
        uid => Ok(uid.map(str::to_owned)),
    }
}
