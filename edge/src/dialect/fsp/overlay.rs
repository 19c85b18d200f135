//! `/v1/record/set-output-overlay`: texts over the picture.

use protocol::{Colour, Scene, Text, TextContent};

use super::label::Label;
use super::params::{number, one_of, text};
use crate::input::{FieldError, Fields};

const MAX_SUBTITLES: usize = 16;
const MAX_CONTENT_BYTES: usize = 1_024;
const WHITE: u64 = 0xff_ff_ff;
const DEFAULT_SIZE: u64 = 30;
/// The system's time is that of the vendor's customers.
const CHINA_MINUTES: i32 = 8 * 60;

/// What the call asks for, with places in pixels of the canvas.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SetOverlay {
    subtitles: Vec<(u64, u64, Text)>,
}

impl SetOverlay {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        if fields
            .objects("logo_list", MAX_SUBTITLES)?
            .is_some_and(|logos| !logos.is_empty())
        {
            return Err(fields.error("logo_list", "must be empty: logos are not offered"));
        }
        let subtitles = fields.objects("subtitle_list", MAX_SUBTITLES)?.unwrap_or_default();
        Ok(Self {
            subtitles: subtitles.iter().map(subtitle).collect::<Result<_, _>>()?,
        })
    }

    /// The texts on the canvas of a task, in an otherwise empty scene.
    pub(super) fn scene(&self, label: &Label) -> Scene {
        let fraction = |pixels: u64, whole: u32| (pixels as f64 / f64::from(whole)).min(1.0);
        let texts = self.subtitles.iter().map(|(x, y, text)| Text {
            x: fraction(*x, label.width),
            y: fraction(*y, label.height),
            ..text.clone()
        });
        Scene {
            texts: texts.collect(),
            ..Scene::default()
        }
    }
}

fn subtitle(fields: &Fields<'_>) -> Result<(u64, u64, Text), FieldError> {
    let x = number(fields, "x", 0..=1920)?.unwrap_or(0);
    let y = number(fields, "y", 0..=1080)?.unwrap_or(0);
    let colour = number(fields, "color", 0..=WHITE)?.unwrap_or(WHITE);
    let [.., r, g, b] = colour.to_be_bytes();
    let content = text(fields, "content")?;
    if content
        .as_ref()
        .is_some_and(|content| content.len() > MAX_CONTENT_BYTES)
    {
        return Err(fields.error("content", format!("must have at most {MAX_CONTENT_BYTES} bytes")));
    }
    let content = match one_of(fields, "type", &[1, 2])? {
        Some(2) => TextContent::Time {
            utc_offset_minutes: CHINA_MINUTES,
        },
        _ => TextContent::Fixed(fields.require("content", content)?),
    };
    let text = Text {
        x: 0.0,
        y: 0.0,
        content,
        colour: Colour { r, g, b },
        size_px: number(fields, "size", 1..=200)?.unwrap_or(DEFAULT_SIZE) as u32,
        opacity: number(fields, "transparency", 0..=100)?.unwrap_or(100) as f64 / 100.0,
    };
    Ok((x, y, text))
}
