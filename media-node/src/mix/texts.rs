//! The texts of a scene: what each says at a time, drawn again only when that changes.

use protocol::{Scene, Text, TextContent};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::compose::Composer;
use super::layout::Size;
use super::overlay::Overlay;
use crate::text::Fonts;

/// The most texts in a scene, and characters in one of them; what is beyond is left out.
const MOST_TEXTS: usize = 64;
const MOST_CHARS: usize = 2_000;

const DATE_AND_TIME: &[FormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

#[derive(Default)]
pub struct Texts {
    fonts: Option<Fonts>,
    /// What each text of the scene says on the canvas.
    drawn: Vec<(Text, String)>,
}

impl Texts {
    /// The fonts to draw with. Before they are there, nothing is drawn.
    pub fn set_fonts(&mut self, fonts: Fonts) {
        self.fonts = Some(fonts);
        self.drawn.clear();
    }

    /// Brings the texts on the canvas up to date. `unix_ms`: the time of the picture.
    pub fn update(&mut self, scene: &Scene, unix_ms: i64, size: Size, composer: &mut Composer) {
        let Some(fonts) = &self.fonts else { return };
        let wanted = &scene.texts[..scene.texts.len().min(MOST_TEXTS)];
        composer.keep_overlays(wanted.len());
        self.drawn.truncate(wanted.len());
        for (index, text) in wanted.iter().enumerate() {
            let says = says(&text.content, unix_ms);
            match self.drawn.get_mut(index) {
                Some((drawn, said)) if drawn == text && *said == says => continue,
                Some(drawn) => *drawn = (text.clone(), says.clone()),
                None => self.drawn.push((text.clone(), says.clone())),
            }
            composer.set_overlay(index, overlay(fonts, text, &says, size));
        }
    }
}

fn overlay(fonts: &Fonts, text: &Text, says: &str, size: Size) -> Option<Overlay> {
    let at = |fraction: f64, length: u32| (fraction.clamp(0.0, 1.0) * f64::from(length)).round() as u32;
    let (x, y) = (at(text.x, size.width), at(text.y, size.height));
    let colour = [text.colour.r, text.colour.g, text.colour.b];
    let drawn = fonts.draw(says, text.size_px, colour, size.width - x, size.height - y);
    Overlay::new(&drawn, x, y, text.opacity)
}

fn says(content: &TextContent, unix_ms: i64) -> String {
    match content {
        TextContent::Fixed(text) => text.chars().take(MOST_CHARS).collect(),
        TextContent::Time { utc_offset_minutes } => {
            let seconds = unix_ms.div_euclid(1000) + i64::from(*utc_offset_minutes) * 60;
            let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
            time.and_then(|time| time.format(DATE_AND_TIME).ok())
                .unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_the_second_in_its_zone() {
        let said = |unix_ms, utc_offset_minutes| says(&TextContent::Time { utc_offset_minutes }, unix_ms);
        assert_eq!(said(1_582_171_199_999, 0), "2020-02-20 03:59:59");
        assert_eq!(said(1_582_171_200_000, 480), "2020-02-20 12:00:00");
        assert_eq!(said(1_582_171_200_000, -210), "2020-02-20 00:30:00");
        assert_eq!(said(-1, 0), "1969-12-31 23:59:59");
        assert_eq!(said(i64::MAX, i32::MAX), "");
    }
}
