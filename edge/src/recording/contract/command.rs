use protocol::{RecorderKey, RecordingSpec, Scene, Secret, Selection};
use serde::{Deserialize, Serialize};

use super::house::House;
use super::preference::Preference;

/// A call to the `Recorder` object of `key`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub key: RecorderKey,
    pub command: Command,
}

/// What a caller wants of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Start(Box<Start>),
    Query(Target),
    Stop(Stop),
    /// Captures nothing until [`Command::Resume`].
    Pause(Target),
    Resume(Target),
    Update(Update),
    UpdateLayout(Box<UpdateLayout>),
}

/// Starts the one recording that a resource ID is good for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The new recording's sid: 32 random lower-case hexadecimal characters, made by the caller.
    pub sid: String,
    pub ticket: Ticket,
    pub spec: RecordingSpec,
    /// The recording ends when the channel has been empty for so long.
    pub max_idle_ms: u64,
    /// When the channel token dies, Unix milliseconds, where one was verified.
    #[serde(default)]
    pub token_expires_ms: Option<u64>,
    /// Of a recording that goes to the app's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house: Option<House>,
    /// Captures nothing until a layout [begins](UpdateLayout::begins) it, and ends as idle if none has for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_ms: Option<u64>,
}

/// The content of the sealed resource ID; the dialect has checked that it belongs to the key and is not too old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Unique to the resource ID.
    pub nonce: String,
    pub issued_ms: u64,
    /// For how long after the start the recording can be asked about and stopped.
    pub expires_hours: u32,
    #[serde(default)]
    pub preference: Preference,
}

/// A recording that has been started. `nonce` is that of the resource ID that the caller shows; `None` for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub sid: String,
    pub nonce: Option<String>,
}

/// The end of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub target: Target,
    /// Whether to answer when the stop is ordered rather than when everything is uploaded.
    pub at_once: bool,
}

/// Changes whose streams are recorded, or with which keys they are stored. The old lists do not count any more: what is
/// `None` is subscribed to no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    pub target: Target,
    pub audio: Option<Selection>,
    pub video: Option<Selection>,
    /// Without lists, the lists stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Box<Renewal>>,
}

/// Keys of a recording's storage in the place of those that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The bucket that the caller means, if they say.
    pub bucket: Option<String>,
    /// The access key and its secret; `None`: as they were.
    pub pair: Option<(String, Secret)>,
    pub session_token: Option<Secret>,
    /// Unix milliseconds.
    pub session_ends_ms: Option<u64>,
}

/// Delivers events of a recording once more; those that wait anyway are not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub sid: String,
    /// In the order in which they are to be delivered.
    pub numbers: Vec<u64>,
}

/// Replaces the scene of a mixed recording; its version is set by the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateLayout {
    pub target: Target,
    pub scene: Scene,
    /// What of it takes the place of what was there.
    #[serde(default)]
    pub part: ScenePart,
    /// Whose audio is heard from then on; `None`: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Selection>,
    /// Has a recording begin that [waits](Start::waits_ms) for its first layout. One that is paused is left as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begins: bool,
}

/// What of a scene takes the place of what was there; the rest stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenePart {
    #[default]
    Whole,
    /// All but the texts over it.
    ButTexts,
    /// The texts over it.
    Texts,
    Nothing,
}

impl UpdateLayout {
    /// One that replaces the scene, whatever the recording does.
    pub fn new(target: Target, scene: Scene) -> Self {
        Self {
            target,
            scene,
            part: ScenePart::Whole,
            audio: None,
            begins: false,
        }
    }
}
