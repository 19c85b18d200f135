use serde::{Deserialize, Serialize};

/// How users' pictures are arranged in a mixed recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub arrangement: Arrangement,
    /// Red, green, blue.
    pub background: [u8; 3],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrangement {
    /// The first user fills the canvas, the others float over it from below.
    Floating,
    /// All have the same size.
    BestFit,
    /// One user is large on the left, the others stand in columns on the right.
    Vertical { large: Option<String> },
    /// In the order of drawing.
    Custom(Vec<Region>),
}

/// A user's place; lengths are fractions of the canvas, from its upper left corner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// `None` for the next user, in the order of joining, who has no place.
    pub uid: Option<String>,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// From 0, transparent, to 1, opaque.
    pub alpha: f64,
    pub fit: Fit,
}

/// How a picture of another shape goes into its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The place is filled, and what stands out is cut off.
    Cover,
    /// All of the picture is shown, with bars beside it.
    Contain,
}
