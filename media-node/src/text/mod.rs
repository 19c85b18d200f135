//! Texts as pictures, by the machine's fonts: shaped, in the order in which their script is read, and with a glyph from whichever
//! font has one. `fonts` finds the fonts, `draw` draws with them. It does not know what texts are for and where they are put.

mod draw;
mod fonts;

pub use draw::Drawn;
pub use fonts::Fonts;
