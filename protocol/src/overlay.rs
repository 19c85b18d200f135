use serde::{Deserialize, Serialize};

use crate::Colour;

/// A text over the mixed picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// The upper left corner of its first line, as fractions of the canvas.
    pub x: f64,
    pub y: f64,
    pub content: TextContent,
    pub colour: Colour,
    /// The size of the font, in pixels of the canvas.
    pub size_px: u32,
    /// The opacity, from 0 (transparent) to 1 (opaque).
    pub opacity: f64,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextContent {
    /// Always the same, in any language.
    Fixed(String),
    /// The time at which the picture was sent, as `YYYY-MM-DD HH:MM:SS`.
    Time {
        /// What the zone's clocks are ahead of UTC.
        #[serde(default)]
        utc_offset_minutes: i32,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn texts_have_the_form_that_is_written_here() {
        let text = |content| Text {
            x: 0.5,
            y: 0.25,
            content,
            colour: Colour { r: 255, g: 0, b: 1 },
            size_px: 30,
            opacity: 0.5,
        };
        let written = |content| {
            json!({
                "x": 0.5, "y": 0.25, "content": content, "colour": {"r": 255, "g": 0, "b": 1}, "size_px": 30, "opacity": 0.5,
            })
        };
        let utc_offset_minutes = 480;
        for (text, json) in [
            (
                text(TextContent::Fixed("录制".into())),
                written(json!({"fixed": "录制"})),
            ),
            (
                text(TextContent::Time { utc_offset_minutes }),
                written(json!({"time": {"utc_offset_minutes": 480}})),
            ),
        ] {
            assert_eq!(to_value(&text).unwrap(), json);
            assert_eq!(from_value::<Text>(json).unwrap(), text);
        }
    }
}
