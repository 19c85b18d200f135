//! What a mixed recording looks and sounds like: `audioProfile` and `transcodingConfig`, which mode mix alone has.

use protocol::{AudioProfile, MixOutput, Scene};

use super::flavour::Flavour;
use super::layout;
use crate::input::{FieldError, Fields, Targets};

const MAX_SIDE: u64 = 1920;
const MAX_PIXELS: u64 = 1920 * 1080;
const DEFAULT_WIDTH: u64 = 360;
const DEFAULT_HEIGHT: u64 = 640;
/// An encoder's pictures are even in both directions.
const MIN_SIDE: u64 = 2;
const DEFAULT_FPS: u64 = 15;
/// The documented frame rates; every other one becomes the default.
const FPS: [u64; 7] = [1, 7, 10, 15, 24, 30, 60];
const MAX_FPS: u64 = 120;
const DEFAULT_KBPS: u64 = 500;
const MAX_KBPS: u64 = 6500;

pub(super) fn read(config: &Fields<'_>, flavour: Flavour, targets: Targets) -> Result<(MixOutput, Scene), FieldError> {
    let audio = match config.integer("audioProfile", 0..=2)? {
        Some(1) => AudioProfile::Mono128,
        Some(2) => AudioProfile::Stereo192,
        _ => AudioProfile::Mono48,
    };
    let nothing = Default::default();
    let transcoding = config.object("transcodingConfig")?.unwrap_or(Fields::new(&nothing));
    let width = transcoding
        .integer("width", MIN_SIDE..=MAX_SIDE)?
        .unwrap_or(DEFAULT_WIDTH);
    let height = transcoding
        .integer("height", MIN_SIDE..=MAX_SIDE)?
        .unwrap_or(DEFAULT_HEIGHT);
    if width * height > MAX_PIXELS {
        return Err(transcoding.error("width", "times height must not be more than 1920 * 1080"));
    }
    let fps = transcoding.integer("fps", 1..=MAX_FPS)?;
    let bitrate = transcoding.integer("bitrate", 1..=MAX_KBPS)?;
    let output = MixOutput {
        width: small(width),
        height: small(height),
        fps: small(fps.filter(|fps| FPS.contains(fps)).unwrap_or(DEFAULT_FPS)),
        bitrate_kbps: small(bitrate.unwrap_or(DEFAULT_KBPS)),
        audio,
        in_order: false,
    };
    Ok((output, layout::read(&transcoding, flavour, targets)?))
}

/// A number within the limits above.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn output(config: &Value) -> MixOutput {
        let fields = Fields::new(config.as_object().unwrap());
        read(&fields, Flavour::Agora, Targets::Public).unwrap().0
    }

    #[test]
    fn what_is_left_out_has_its_documented_default() {
        let default = MixOutput {
            width: 360,
            height: 640,
            fps: 15,
            bitrate_kbps: 500,
            audio: AudioProfile::Mono48,
            in_order: false,
        };
        for config in [
            json!({}),
            json!({"transcodingConfig": {}, "audioProfile": 0}),
            json!({"transcodingConfig": ""}),
        ] {
            assert_eq!(output(&config), default, "{config}");
        }
        let full = json!({
            "transcodingConfig": {"width": 1280, "height": 720, "fps": 30, "bitrate": 2000.0}, "audioProfile": 2,
        });
        let expected = MixOutput {
            width: 1280,
            height: 720,
            fps: 30,
            bitrate_kbps: 2000,
            audio: AudioProfile::Stereo192,
            in_order: false,
        };
        assert_eq!(output(&full), expected);
        assert_eq!(output(&json!({"audioProfile": 1})).audio, AudioProfile::Mono128);
    }

    #[test]
    fn frame_rates_outside_the_documented_ones_become_the_default() {
        for (fps, expected) in [
            (1, 1),
            (7, 7),
            (10, 10),
            (15, 15),
            (24, 24),
            (30, 30),
            (60, 60),
            (25, 15),
            (120, 15),
        ] {
            assert_eq!(output(&json!({"transcodingConfig": {"fps": fps}})).fps, expected);
        }
    }
}
