use serde::{Deserialize, Serialize};

use crate::version::{OLDEST, SCENES};
use crate::{Colour, SecretUrl, StreamName, Text};

/// What a mixed recording is encoded to; it does not change during the recording's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixOutput {
    /// The width of the canvas in pixels. An odd size is rounded down to the even one below it.
    pub width: u32,
    pub height: u32,
    /// The constant frame rate, in frames a second.
    pub fps: u32,
    pub bitrate_kbps: u32,
    pub audio: AudioProfile,
    /// Pictures are coded as all players by WebRTC take them: in the order in which they are shown, without B-frames, and in the profile
    /// Baseline where the node's encoder can. A node that does not know this makes B-frames.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
}

/// The encoding of mixed audio, always AAC-LC at 48 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioProfile {
    /// Mono, 48 kb/s.
    #[default]
    Mono48,
    /// Mono, 128 kb/s.
    Mono128,
    /// Stereo, 192 kb/s.
    Stereo192,
}

impl AudioProfile {
    pub fn channels(self) -> u16 {
        match self {
            Self::Mono48 | Self::Mono128 => 1,
            Self::Stereo192 => 2,
        }
    }

    pub fn bits_per_second(self) -> u32 {
        match self {
            Self::Mono48 => 48_000,
            Self::Mono128 => 128_000,
            Self::Stereo192 => 192_000,
        }
    }
}

/// What the mixed picture looks like. Each update replaces all of it.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Scene {
    /// A number that grows by one with each change.
    #[serde(default)]
    pub version: u64,
    pub layout: Layout,
    pub background: Colour,
    /// The URL of the image behind all regions, cropped to fill the canvas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_image: Option<SecretUrl>,
    /// The URL of the image that stands in for a user without video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_image: Option<SecretUrl>,
    /// Images of single users; they go before `user_image`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_images: Vec<UserImage>,
    /// Texts over all regions, in the order of drawing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<Text>,
}

impl Scene {
    /// The oldest version of the line's protocol in which a node shows all of it.
    pub fn oldest_version(&self) -> u32 {
        let is_older = match &self.layout {
            Layout::Floating | Layout::BestFit | Layout::Vertical { .. } => true,
            Layout::Even { .. } | Layout::Master { .. } => false,
            Layout::Custom { regions } => regions
                .iter()
                .all(|region| region.stream.is_none() && region.fill != Fill::Stretch),
        };
        let mut fills = self.user_images.iter().map(|image| image.fill);
        let is_older = is_older && self.texts.is_empty() && fills.all(|fill| fill != Fill::Stretch);
        if is_older { OLDEST } else { SCENES }
    }
}

/// A picture that stands for a user who sends none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserImage {
    pub uid: String,
    pub url: SecretUrl,
    #[serde(default)]
    pub fill: Fill,
}

/// Where users stand on the canvas.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Layout {
    /// The first user fills the canvas, the others stand in small regions over it, from the bottom up.
    #[default]
    Floating,
    /// A grid of equal cells.
    BestFit,
    /// One user large on the left, the others small on the right.
    Vertical {
        /// The large one. Without it, or when that user is absent, the large region shows the background.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        large_uid: Option<String>,
        /// Whoever speaks is the large one, and until somebody has spoken, `large_uid`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        large_speaker: bool,
    },
    Custom {
        regions: Vec<CustomRegion>,
    },
    /// Tiles of equal size in centred rows.
    Even {
        tiles: Tiles,
    },
    /// One tile large, the others small beside it or below it.
    Master {
        /// The user of the large one. Without it, or when that user has no tile, the first tile is large.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        large_uid: Option<String>,
        /// Which of the user's tiles is large; without it, the user's first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        large_stream: Option<StreamKind>,
        tiles: Tiles,
    },
}

/// Which streams become tiles: each of these kinds that brings pictures is one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles {
    /// The most tiles.
    pub most: u32,
    #[serde(default)]
    pub fill: Fill,
    /// All tiles of the first kind come first, in the order in which their users joined, then all of the next kind.
    pub order: Vec<StreamKind>,
}

/// A stream of pictures that a user publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    Camera,
    Screen,
    Whiteboard,
}

impl StreamKind {
    pub const ALL: [Self; 3] = [Self::Camera, Self::Screen, Self::Whiteboard];
}

impl From<StreamKind> for StreamName {
    fn from(kind: StreamKind) -> Self {
        match kind {
            StreamKind::Camera => Self::Camera,
            StreamKind::Screen => Self::Screen,
            StreamKind::Whiteboard => Self::Whiteboard,
        }
    }
}

/// One region of a layout that the caller has drawn. Lengths are parts of the canvas, from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomRegion {
    /// The user whose region it is; when absent, the first user in the order of joining who has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Which of the user's streams it shows; when absent, the one that is the user's picture in other layouts. A region with a
    /// stream and without a uid is for the first user in the order of joining who sends that stream and has no such region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamKind>,
    /// The upper left corner and the size, as fractions of the canvas.
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// The opacity, from 0 (transparent) to 1 (opaque).
    pub alpha: f64,
    #[serde(default)]
    pub fill: Fill,
}

/// How a picture fills a region of another aspect ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// The region is full, and what stands over is cut off.
    #[default]
    Crop,
    /// The picture is whole, and the rest of the region is black.
    Fit,
    /// The region is full and the picture is whole, whatever becomes of its aspect ratio.
    Stretch,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    fn scene(layout: serde_json::Value) -> Scene {
        from_value(json!({"layout": layout, "background": {"r": 0, "g": 0, "b": 0}})).unwrap()
    }

    #[test]
    fn scenes_of_tiles_and_streams_have_the_form_that_is_written_here() {
        let layouts = [
            json!({"type": "even", "tiles": {"most": 9, "fill": "stretch", "order": ["screen", "camera", "whiteboard"]}}),
            json!({"type": "master", "large_uid": "7", "large_stream": "screen",
                   "tiles": {"most": 4, "fill": "fit", "order": ["camera"]}}),
            json!({"type": "custom", "regions": [
                {"uid": "7", "stream": "screen", "x": 0.5, "y": 0.0, "width": 0.5, "height": 1.0, "alpha": 1.0, "fill": "crop"},
            ]}),
        ];
        for written in layouts {
            let scene = scene(written.clone());
            assert_eq!(scene.oldest_version(), SCENES);
            assert_eq!(to_value(&scene.layout).unwrap(), written);
        }
    }

    #[test]
    fn what_older_nodes_show_as_it_is_asks_for_no_newer_ones() {
        let region = |more: serde_json::Value| {
            let mut region = json!({"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0, "alpha": 1.0});
            let more = more.as_object().unwrap().clone();
            region.as_object_mut().unwrap().extend(more);
            scene(json!({"type": "custom", "regions": [region]}))
        };
        let older = [
            Scene::default(),
            scene(json!({"type": "best_fit"})),
            scene(json!({"type": "vertical"})),
            region(json!({"fill": "fit"})),
        ];
        assert!(older.iter().all(|scene| scene.oldest_version() == OLDEST));
        let stretched = UserImage {
            uid: "7".into(),
            url: "https://h/7.jpg".into(),
            fill: Fill::Stretch,
        };
        let text = from_value(json!({
            "x": 0.0, "y": 0.0, "content": {"fixed": "a"}, "colour": {"r": 0, "g": 0, "b": 0}, "size_px": 30, "opacity": 1.0,
        }));
        let newer = [
            region(json!({"fill": "stretch"})),
            Scene {
                user_images: vec![stretched],
                ..Scene::default()
            },
            Scene {
                texts: vec![text.unwrap()],
                ..Scene::default()
            },
        ];
        assert!(newer.iter().all(|scene| scene.oldest_version() == SCENES));
    }
}
