//! The recording that a channel has while somebody publishes to it.

use protocol::{
    AudioProfile, ChannelType, FileFormat, FileStyle, Mix, MixOutput, Mode, NameScheme, Outputs, RecorderKey,
    RecordingSpec, Scene, Selection, StreamTypes, Subscription, VideoQuality,
};
use serde::{Deserialize, Serialize};

use crate::access::{App, Automatic, hex, is_id};
use crate::dialect::house::Place;
use crate::dialect::vendor::StartTerms;
use crate::input::{FieldError, Fields};
use crate::recording::{Call, Command, Preference, Start, Ticket};

/// The recorder's name in the channel.
const UID: &str = "record";
const MODE: &str = "mix";
/// For how long a recording can be asked about at its recorder; the index keeps it for longer.
const EXPIRES_HOURS: u32 = 72;
const SIDES: std::ops::RangeInclusive<u64> = 16..=1920;
const FPS: std::ops::RangeInclusive<u64> = 1..=60;
const KBPS: std::ops::RangeInclusive<u64> = 50..=6_500;
const IDLE_S: std::ops::RangeInclusive<u64> = 5..=86_400;
/// A publisher who comes back before goes on with the same recording.
const DEFAULT_IDLE_S: u64 = 30;

/// What is found again with a recording.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) width: u32,
    pub(super) height: u32,
    /// What its caller calls a file that is made of others,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// and the caller's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
}

impl Label {
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_slice(text.as_bytes()).unwrap_or_default()
    }
}

/// The start of a channel's recording, of one picture and one sound, in the formats that the setting names.
///
/// # Errors
/// What is wrong with the setting or the channel's name.
pub(super) fn start(automatic: &Automatic, channel: &str, app: &App, terms: StartTerms<'_>) -> Result<Call, String> {
    if automatic.mode != MODE {
        return Err(format!("mode must be {MODE:?}"));
    }
    if !is_id(channel) {
        return Err("the channel must have 1 to 64 characters: a-z A-Z 0-9 _ -".to_owned());
    }
    let body = serde_json::from_slice(automatic.body.expose().as_bytes()).map_err(|error| error.to_string())?;
    let setting =
        Setting::read(&Fields::new(&body)).map_err(|error| format!("body.{} {}", error.field, error.problem))?;
    let sid = hex(&terms.entropy.id);
    let label = Label {
        width: setting.output.width,
        height: setting.output.height,
        ..Label::default()
    };
    let label = serde_json::to_string(&label).unwrap_or_default();
    let place = Place::new(app, &sid, label).ok_or("the app needs house_storage: its recordings go there")?;
    let spec = RecordingSpec {
        mode: Mode::Mix,
        mix: Some(Mix {
            output: setting.output,
            scene: Scene {
                version: 1,
                ..Scene::default()
            },
            mp4: setting.mp4,
        }),
        outputs: Outputs {
            files: setting.mp4.then_some(FileFormat::Mp4).into_iter().collect(),
            ..Outputs::default()
        },
        snapshots: None,
        decryption: None,
        source: app.source.clone(),
        channel_type: ChannelType::Live,
        subscription: Subscription {
            version: 1,
            types: StreamTypes::Both,
            audio: Selection::All,
            video: Selection::All,
            quality: VideoQuality::High,
        },
        files: FileStyle {
            strict_extinf: app.recorder.strict_extinf,
            names: NameScheme::default(),
            tags: None,
            ..FileStyle::default()
        },
        storage: place.storage,
        backup: place.backup,
    };
    Ok(Call {
        key: RecorderKey {
            app_id: app.app_id.clone(),
            channel: channel.to_owned(),
            uid: UID.to_owned(),
        },
        command: Command::Start(Box::new(Start {
            sid,
            ticket: Ticket {
                nonce: hex(&terms.entropy.secret),
                issued_ms: terms.now_ms,
                expires_hours: EXPIRES_HOURS,
                preference: Preference::default(),
            },
            spec,
            max_idle_ms: setting.max_idle_ms,
            token_expires_ms: None,
            waits_ms: None,
            house: Some(place.house),
        })),
    })
}

/// What the operator has set.
struct Setting {
    output: MixOutput,
    mp4: bool,
    max_idle_ms: u64,
}

impl Setting {
    fn read(body: &Fields<'_>) -> Result<Self, FieldError> {
        let known = ["formats", "width", "height", "fps", "bitrate", "maxIdleTime"];
        if let Some(name) = body.names().find(|name| !known.contains(name)) {
            return Err(body.error(name, format!("is unknown; there are: {}", known.join(", "))));
        }
        let mp4 = match body.strings("formats", 2)?.as_deref() {
            None | Some(["m3u8", "mp4"] | ["mp4", "m3u8"]) => true,
            Some(["m3u8"]) => false,
            Some(_) => return Err(body.error("formats", "must be [\"m3u8\", \"mp4\"] or [\"m3u8\"]")),
        };
        let number = |name, range, default| Ok::<_, FieldError>(body.integer(name, range)?.unwrap_or(default));
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Self {
            output: MixOutput {
                width: small(number("width", SIDES, 1280)?),
                height: small(number("height", SIDES, 720)?),
                fps: small(number("fps", FPS, 25)?),
                bitrate_kbps: small(number("bitrate", KBPS, 1_500)?),
                audio: AudioProfile::Mono128,
                in_order: false,
            },
            mp4,
            max_idle_ms: number("maxIdleTime", IDLE_S, DEFAULT_IDLE_S)? * 1_000,
        })
    }
}
