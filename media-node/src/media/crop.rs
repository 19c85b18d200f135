/// A part of a picture, in its own pixels. Even corner, so that it starts on a whole chroma sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}
