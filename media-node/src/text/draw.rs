use std::collections::BTreeSet;

use cosmic_text::{Attrs, Buffer, Family, Metrics, Shaping, SwashContent, Wrap};

use super::fonts::{Fonts, Loaded};

/// The distance of two lines, in sizes of the font.
const LINE: f32 = 1.25;

/// The largest size of a font, in pixels.
const LARGEST_PX: u32 = 1_000;

/// A text that has been drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    pub width: u32,
    pub height: u32,
    /// Red, green, blue and opacity of each pixel, row by row, not multiplied with one another.
    pub pixels: Vec<[u8; 4]>,
    /// Characters that no font has a glyph for. What is drawn for them is the sign that says so.
    pub missing: BTreeSet<char>,
}

impl Fonts {
    /// The characters of a text that no font has a glyph for.
    pub fn missing(&self, text: &str) -> BTreeSet<char> {
        self.draw(text, 1, [0; 3], 0, 0).missing
    }

    /// Draws lines of text in one colour, the upper left corner of the first line at that of the picture. What does not fit into
    /// `width` and `height` is cut off.
    pub fn draw(&self, text: &str, size_px: u32, colour: [u8; 3], width: u32, height: u32) -> Drawn {
        match &mut *self.lock() {
            Some(fonts) => draw(fonts, text, size_px, colour, width, height),
            None => Drawn {
                missing: text.chars().filter(|char| !char.is_whitespace()).collect(),
                ..Drawn::default()
            },
        }
    }
}

fn draw(fonts: &mut Loaded, text: &str, size_px: u32, colour: [u8; 3], width: u32, height: u32) -> Drawn {
    let Loaded { system, glyphs } = fonts;
    let size = size_px.clamp(1, LARGEST_PX) as f32;
    let mut buffer = Buffer::new(system, Metrics::new(size, (size * LINE).ceil()));
    buffer.set_wrap(Wrap::None);
    buffer.set_size(None, None);
    let attributes = Attrs::new().family(Family::SansSerif);
    buffer.set_text(text, &attributes, Shaping::Advanced, None);
    buffer.shape_until_scroll(system, false);

    let mut drawn = Drawn::default();
    for run in buffer.layout_runs() {
        let (right, bottom) = (run.line_w.ceil() as u32, (run.line_top + run.line_height).ceil() as u32);
        drawn.width = drawn.width.max(right).min(width);
        drawn.height = drawn.height.max(bottom).min(height);
        for glyph in run.glyphs.iter().filter(|glyph| glyph.glyph_id == 0) {
            let chars = run.text.get(glyph.start..glyph.end).unwrap_or_default().chars();
            drawn.missing.extend(chars.filter(|char| !char.is_control()));
        }
    }
    if drawn.width == 0 || drawn.height == 0 {
        return drawn;
    }
    drawn.pixels = vec![[0; 4]; drawn.width as usize * drawn.height as usize];
    for run in buffer.layout_runs() {
        for glyph in run.glyphs {
            let glyph = glyph.physical((0.0, run.line_y), 1.0);
            let Some(image) = glyphs.get_image_uncached(system, glyph.cache_key) else {
                continue;
            };
            let (left, top) = (glyph.x + image.placement.left, glyph.y - image.placement.top);
            let across = image.placement.width as usize;
            let pixels: Box<dyn Iterator<Item = [u8; 4]>> = match image.content {
                SwashContent::Color => Box::new(image.data.as_chunks::<4>().0.iter().copied()),
                SwashContent::Mask | SwashContent::SubpixelMask => {
                    let [red, green, blue] = colour;
                    Box::new(image.data.iter().map(move |opacity| [red, green, blue, *opacity]))
                }
            };
            for (index, pixel) in pixels.enumerate() {
                let (x, y) = (left + (index % across) as i32, top + (index / across) as i32);
                drawn.put(x, y, pixel);
            }
        }
    }
    drawn
}

impl Drawn {
    /// Glyphs may overlap: the more opaque one of two is seen.
    fn put(&mut self, x: i32, y: i32, pixel: [u8; 4]) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if x >= self.width || y >= self.height {
            return;
        }
        let index = y as usize * self.width as usize + x as usize;
        if let Some(old) = self.pixels.get_mut(index)
            && pixel[3] > old[3]
        {
            *old = pixel;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: [u8; 3] = [255; 3];

    fn ink(drawn: &Drawn) -> u64 {
        drawn.pixels.iter().map(|pixel| u64::from(pixel[3])).sum()
    }

    #[test]
    fn a_text_is_drawn_in_its_size_and_colour_and_always_alike() {
        let fonts = Fonts::of_machine();
        let drawn = fonts.draw("Tapedeck 12:30", 40, [255, 0, 7], 1920, 1080);
        assert!((200..500).contains(&drawn.width), "{}", drawn.width);
        assert_eq!((drawn.height, drawn.missing.len()), (50, 0));
        assert!(drawn.pixels.iter().any(|pixel| *pixel == [255, 0, 7, 255]));
        let twice = fonts.draw("Tapedeck 12:30", 80, [255, 0, 7], 1920, 1080);
        assert!(twice.width.abs_diff(drawn.width * 2) <= 4);
        assert!((3..5).contains(&(ink(&twice) / ink(&drawn))));
        let again = Fonts::of_machine().draw("Tapedeck 12:30", 40, [255, 0, 7], 1920, 1080);
        assert_eq!(again, drawn);
    }

    #[test]
    fn lines_stand_below_one_another_and_what_does_not_fit_is_cut_off() {
        let fonts = Fonts::of_machine();
        let two = fonts.draw("one\ntwo", 40, WHITE, 1920, 1080);
        assert_eq!(two.height, 100);
        let cut = fonts.draw("one\ntwo", 40, WHITE, 16, 30);
        assert_eq!((cut.width, cut.height, cut.pixels.len()), (16, 30, 16 * 30));
        let none = fonts.draw("", 40, WHITE, 1920, 1080);
        assert_eq!((none.width, ink(&none)), (0, 0));
    }

    #[test]
    fn characters_without_a_glyph_are_told() {
        let fonts = Fonts::of_machine();
        // A code of private use.
        let drawn = fonts.draw("a\u{10fffd}b", 30, WHITE, 1920, 1080);
        assert_eq!(drawn.missing, BTreeSet::from(['\u{10fffd}']));
        assert!(ink(&drawn) > 0);
        let nothing = tempfile::tempdir().unwrap();
        let none = Fonts::of_directories(&[nothing.path()]);
        assert_eq!(
            none.draw("a b", 30, WHITE, 100, 100).missing,
            BTreeSet::from(['a', 'b'])
        );
    }

    #[test]
    fn any_language_is_written() {
        let fonts = Fonts::of_machine();
        for text in ["会议录制", "録画中です", "회의 녹화", "Запись", "εγγραφή"] {
            let drawn = fonts.draw(text, 30, WHITE, 1920, 1080);
            assert_eq!(
                drawn.missing,
                BTreeSet::new(),
                "{text}: scripts/setup installs a font for it"
            );
            assert!(ink(&drawn) > 10_000, "{text}");
        }
    }

    #[test]
    fn a_line_from_right_to_left_is_drawn_from_right_to_left() {
        let fonts = Fonts::of_machine();
        // The same word, once between marks that turn it round.
        let (plain, turned) = ("abc", "\u{202e}abc\u{202c}");
        let [plain, turned] = [plain, turned].map(|text| fonts.draw(text, 60, WHITE, 1920, 1080));
        assert_ne!(plain.pixels, turned.pixels);
        assert!(plain.width.abs_diff(turned.width) <= 4);
    }
}
