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
        let videos = videos.map(|list| list.iter().map(video).collect());
        Ok(Self {
            audio,
            videos: videos.transpose()?,
        })
    }

    /// The scene on the canvas of a task; `None` when the call names no pictures. What stands over the edge of the canvas is cut
    /// off, which leaves nothing of what begins there.
    pub(super) fn scene(&self, label: &Label) -> Option<Scene> {
        let videos = self.videos.as_ref()?;
        let regions = videos.iter().filter_map(|video| video.region(label)).collect();
        Some(Scene {
            version: 1,
            layout: Layout::Custom { regions },
            ..Scene::default()
        })
    }
}

impl Video {
    fn region(&self, label: &Label) -> Option<CustomRegion> {
        let (width, height) = (u64::from(label.width), u64::from(label.height));
        let seen = |begin: u64, length: u64, whole: u64| {
            let seen = length.min(whole.checked_sub(begin)?);
            let fraction = |pixels: u64| pixels as f64 / whole as f64;
            (seen > 0).then(|| (fraction(begin), fraction(seen)))
        };
        let (x, width) = seen(self.x, self.width, width)?;
        let (y, height) = seen(self.y, self.height, height)?;
        Some(CustomRegion {
            uid: Some(self.uid.clone()),
            stream: Some(self.stream),
            x,
            y,
            width,
            height,
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

fn video(fields: &Fields<'_>) -> Result<Video, FieldError> {
    text(fields, "media_id")?;
    Ok(Video {
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
