//! `/v1/record/init`: what a task is to record, and how.

use protocol::{
    AudioProfile, ChannelType, FileFormat, Fill, Layout, Mix, MixOutput, Mode, Outputs, RecordingSpec, Scene,
    Selection, Source, Storage, StreamKind, StreamTypes, Subscription, Tiles, VideoQuality,
};

use super::date;
use super::label::{self, Label};
use super::layout::{crop, kind};
use super::params::{MAX_ID_BYTES, name, number, one_of, text};
use crate::dialect::house::files_called;
use crate::input::{FieldError, Fields};

/// The longest name of a group, in bytes: a part of a channel's path.
const MAX_GROUP_BYTES: usize = 128;
const MAX_FILE_NAME_BYTES: usize = 128;
const MAX_WIDTH: u64 = 1920;
const MAX_HEIGHT: u64 = 1080;
const MAX_FPS: u64 = 30;
const DEFAULT_FILE_MINUTES: u64 = 60;
const DEFAULT_TIMEOUT_S: u64 = 600;
/// An encoder's pictures are even in both directions.
const MIN_SIDE: u64 = 2;
/// Bits for each pixel of each picture: what talking people and shared screens take.
const BITS_A_PIXEL: f64 = 0.07;
const MIN_KBPS: f64 = 100.0;

/// What the call asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Init {
    pub(super) group_id: String,
    file_name: Option<String>,
    audio_only: bool,
    file_ms: u64,
    output: MixOutput,
    pub(super) timeout_ms: u64,
    pub(super) auto: Option<Auto>,
    company_id: Option<String>,
}

/// The scene of an automatic recording.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Auto {
    pub(super) kind: u8,
    layout: Layout,
}

impl Init {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let group_id = fields.require("group_id", name(fields, "group_id", MAX_GROUP_BYTES)?)?;
        Self::of_group(group_id, fields)
    }

    /// Of a group that is known otherwise.
    pub(super) fn of_group(group_id: String, fields: &Fields<'_>) -> Result<Self, FieldError> {
        one_of(fields, "record_mode", &[0])?;
        let side = |field, most| Ok::<_, FieldError>(number(fields, field, 1..=most)?.unwrap_or(most).max(MIN_SIDE));
        let (width, height) = (side("width", MAX_WIDTH)?, side("height", MAX_HEIGHT)?);
        let fps = number(fields, "frame_rate", 1..=MAX_FPS)?.unwrap_or(MAX_FPS);
        let minutes = number(fields, "file_duration", 15..=300)?.unwrap_or(DEFAULT_FILE_MINUTES);
        let timeout_s = number(fields, "timeout", 5..=1_800)?.unwrap_or(DEFAULT_TIMEOUT_S);
        let white_board = one_of(fields, "white_board", &[0, 1])?;
        Ok(Self {
            group_id,
            file_name: name(fields, "file_name", MAX_FILE_NAME_BYTES)?,
            audio_only: one_of(fields, "file_type", &[0, 1])? == Some(1),
            file_ms: minutes * 60_000,
            output: MixOutput {
                width: small(width),
                height: small(height),
                fps: small(fps),
                bitrate_kbps: kbps(width * height * fps),
                audio: AudioProfile::Mono128,
                in_order: false,
            },
            timeout_ms: timeout_s * 1_000,
            auto: auto(fields, white_board != Some(0))?,
            company_id: text(fields, "company_id")?,
        })
    }

    /// The uid of the recorder: a group has one automatic task at a time, and manual ones as many as it likes.
    pub(super) fn recorder(&self, sid: &str) -> String {
        match self.auto {
            Some(_) => "auto".to_owned(),
            None => sid.to_owned(),
        }
    }

    pub(super) fn label(&self, sid: &str, now_ms: u64) -> Label {
        Label {
            time: date::compact(now_ms),
            file_name: self.file_name(sid, now_ms),
            width: self.output.width,
            height: self.output.height,
            auto: self.auto.as_ref().map(|auto| auto.kind),
            audio_only: self.audio_only,
            company_id: self.company_id.clone(),
        }
    }

    fn file_name(&self, sid: &str, now_ms: u64) -> String {
        self.file_name.clone().unwrap_or_else(|| label::record_id(now_ms, sid))
    }

    /// `storage`: where the files of this task alone go.
    pub(super) fn specification(self, source: Source, storage: Storage, file_name: &str) -> RecordingSpec {
        let layout = self
            .auto
            .map_or(Layout::Custom { regions: Vec::new() }, |auto| auto.layout);
        let scene = Scene {
            version: 1,
            layout,
            ..Scene::default()
        };
        let format = if self.audio_only {
            FileFormat::Mp3
        } else {
            FileFormat::Mp4
        };
        RecordingSpec {
            mode: Mode::Mix,
            mix: Some(Mix {
                output: self.output,
                scene,
                mp4: !self.audio_only,
            }),
            outputs: Outputs {
                hls: false,
                files: vec![format],
                max_ms: Some(self.file_ms),
                ..Outputs::default()
            },
            snapshots: None,
            decryption: None,
            source,
            // Streams that cannot be had are what ends a task.
            channel_type: ChannelType::Live,
            subscription: Subscription {
                version: 1,
                types: if self.audio_only {
                    StreamTypes::Audio
                } else {
                    StreamTypes::Both
                },
                audio: Selection::All,
                video: Selection::All,
                quality: VideoQuality::High,
            },
            files: files_called(file_name),
            storage,
            backup: None,
        }
    }
}

/// Whether an automatic recording is asked for: by an object, empty or not.
fn auto(fields: &Fields<'_>, white_board: bool) -> Result<Option<Auto>, FieldError> {
    let Some(auto) = fields.object("auto")? else {
        return Ok(None);
    };
    one_of(&auto, "media_type", &[2])?;
    let most = number(&auto, "media_count", 1..=9)?.unwrap_or(9);
    let fill = crop(&auto, Fill::Crop)?;
    let mut order = vec![StreamKind::Screen, StreamKind::Camera];
    order.extend(white_board.then_some(StreamKind::Whiteboard));
    let tiles = Tiles {
        most: small(most),
        fill,
        order,
    };
    let large_uid = name(&auto, "user_id", MAX_ID_BYTES)?;
    let large_stream = kind(&auto, "main_media_type")?;
    let is_master = one_of(&auto, "type", &[1, 2])? == Some(2);
    Ok(Some(match is_master {
        false => Auto {
            kind: 1,
            layout: Layout::Even { tiles },
        },
        true => Auto {
            kind: 2,
            layout: Layout::Master {
                large_uid,
                large_stream,
                tiles,
            },
        },
    }))
}

fn kbps(pixels_a_second: u64) -> u32 {
    let kbps = pixels_a_second as f64 * BITS_A_PIXEL / 1_000.0;
    kbps.max(MIN_KBPS) as u32
}

/// A number within the limits above.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
