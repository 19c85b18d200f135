//! `/v1/record/set/layout`: rectangles in pixels of the canvas, and who is heard.

use protocol::{CustomRegion, Fill, Layout, Scene, Selection, StreamKind};

use super::label::Label;
use super::params::{MAX_ID_BYTES, name, number, one_of, text};
use crate::input::{FieldError, Fields};

const SCREEN: u64 = 0;
const AUDIO: u64 = 1;
const CAMERA: u64 = 2;
const WHITEBOARD: u64 = 4;
/// Pictures and voices of one layout. The vendor mixes 16 and 10.
const MAX_VIDEOS: usize = 17;
const MAX_AUDIOS: usize = 100;

/// What the call asks for; `None`: as before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SetLayout {
    pub(super) audio: Option<Selection>,
    videos: Option<Vec<Video>>,
}

/// One picture, in pixels of the canvas.
#[derive(Clone, Debug, PartialEq)]
struct Video {
    /// Its place in the call, for errors.
    number: usize,
    uid: String,
    stream: StreamKind,
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    fill: Fill,
}

impl SetLayout {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let audio = fields.objects("audio_list", MAX_AUDIOS)?;
        let audio = audio.map(|list| list.iter().map(voice).collect::<Result<Vec<_>, _>>());
        let audio = audio.transpose()?.map(|mut uids| {
            uids.sort_unstable();
            uids.dedup();
            match uids.is_empty() {
                true => Selection::None,
                false => Selection::Only(uids),
            }
        });
        let videos = fields.objects("video_list", MAX_VIDEOS)?;
        let videos = videos.map(|list| list.iter().enumerate().map(video).collect());
        Ok(Self {
            audio,
            videos: videos.transpose()?,
        })
    }

    /// The scene on the canvas of a task; `None` when the call names no pictures. What stands over the edge of the canvas is cut
    /// off.
    pub(super) fn scene(&self, label: &Label) -> Result<Option<Scene>, FieldError> {
        let Some(videos) = &self.videos else {
            return Ok(None);
        };
        let regions = videos
            .iter()
            .map(|video| video.region(label))
            .collect::<Result<_, _>>()?;
        Ok(Some(Scene {
            version: 1,
            layout: Layout::Custom { regions },
            ..Scene::default()
        }))
    }
}

impl Video {
    fn region(&self, label: &Label) -> Result<CustomRegion, FieldError> {
        let (width, height) = (u64::from(label.width), u64::from(label.height));
        let outside = |field: &str| FieldError {
            field: format!("video_list[{}].{field}", self.number),
            problem: format!("must lie in the canvas, which is {width} by {height}"),
        };
        if self.x >= width {
            return Err(outside("x"));
        }
        if self.y >= height {
            return Err(outside("y"));
        }
        let fraction = |pixels: u64, whole: u64| pixels as f64 / whole as f64;
        Ok(CustomRegion {
            uid: Some(self.uid.clone()),
            stream: Some(self.stream),
            x: fraction(self.x, width),
            y: fraction(self.y, height),
            width: fraction(self.width.min(width - self.x), width),
            height: fraction(self.height.min(height - self.y), height),
            alpha: 1.0,
            fill: self.fill,
        })
    }
}

fn voice(fields: &Fields<'_>) -> Result<String, FieldError> {
    one_of(fields, "media_type", &[AUDIO])?;
    text(fields, "media_id")?;
    fields.require("user_id", name(fields, "user_id", MAX_ID_BYTES)?)
}

fn video((number_in_list, fields): (usize, &Fields<'_>)) -> Result<Video, FieldError> {
    text(fields, "media_id")?;
    Ok(Video {
        number: number_in_list,
        uid: fields.require("user_id", name(fields, "user_id", MAX_ID_BYTES)?)?,
        stream: fields.require("media_type", kind(fields, "media_type")?)?,
        x: number(fields, "x", 0..=1920)?.unwrap_or(0),
        y: number(fields, "y", 0..=1080)?.unwrap_or(0),
        width: number(fields, "w", 1..=1920)?.unwrap_or(320),
        height: number(fields, "h", 1..=1080)?.unwrap_or(240),
        fill: crop(fields, Fill::Stretch)?,
    })
}

/// A kind of picture, by its number.
pub(super) fn kind(fields: &Fields<'_>, name: &str) -> Result<Option<StreamKind>, FieldError> {
    let number = one_of(fields, name, &[SCREEN, CAMERA, WHITEBOARD])?;
    Ok(number.map(|number| match number {
        SCREEN => StreamKind::Screen,
        WHITEBOARD => StreamKind::Whiteboard,
        _ => StreamKind::Camera,
    }))
}

/// How a picture fills its place, with the default where the call does not say.
pub(super) fn crop(fields: &Fields<'_>, default: Fill) -> Result<Fill, FieldError> {
    Ok(match one_of(fields, "crop_mode", &[1, 2, 3])? {
        None => default,
        Some(1) => Fill::Stretch,
        Some(2) => Fill::Crop,
        Some(_) => Fill::Fit,
    })
}
