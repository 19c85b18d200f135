use super::layout;
use crate::access::Flavour;
use crate::input::{FieldError, Fields};

const MAX_SIDE: u64 = 1920;
const MAX_PIXELS: u64 = 1920 * 1080;

/// Checks `audioProfile` and `transcodingConfig`, which mode mix alone has.
pub(super) fn check(config: &Fields<'_>, flavour: Flavour) -> Result<(), FieldError> {
    config.integer("audioProfile", 0..=2)?;
    let Some(transcoding) = config.object("transcodingConfig")? else {
        return Ok(());
    };
    let width = transcoding.integer("width", 1..=MAX_SIDE)?.unwrap_or(360);
    let height = transcoding.integer("height", 1..=MAX_SIDE)?.unwrap_or(640);
    if width * height > MAX_PIXELS {
        return Err(transcoding.error("width", "times height must not be more than 1920 * 1080"));
    }
    transcoding.integer("fps", 1..=120)?;
    transcoding.integer("bitrate", 1..=6500)?;
    layout::read(&transcoding, flavour).map(drop)
}
