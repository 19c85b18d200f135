use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::version::{OLDEST, OUTPUTS};
use crate::{Backup, FileFormat, FileStyle, MixOutput, Outputs, Scene, Secret, SecretUrl, Storage};

/// What is recorded, how, and where it goes: the part of a recording that a start asks for and each of its nodes is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingSpec {
    pub mode: Mode,
    /// What is mixed, in mode `Mix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// Pictures of each user, beside the recording or instead of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<Snapshots>,
    /// How the channel's media is encrypted; what is recorded is clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    pub source: Source,
    #[serde(default)]
    pub channel_type: ChannelType,
    pub subscription: Subscription,
    /// What is written of it.
    #[serde(default, skip_serializing_if = "Outputs::is_default")]
    pub outputs: Outputs,
    /// The field is named `playlist` on the wire.
    #[serde(rename = "playlist")]
    pub files: FileStyle,
    /// The customer's store.
    pub storage: Storage,
    /// The operator's store, for the time in which the customer's takes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
}

impl RecordingSpec {
    /// The formats of its whole files, each once; those as well that a job asks for in the words of older ones.
    pub fn whole_files(&self) -> Vec<FileFormat> {
        let older = self.mix.as_ref().filter(|mix| mix.mp4).map(|_| FileFormat::Mp4);
        let mut formats: Vec<_> = self.outputs.files.iter().copied().chain(older).collect();
        formats.sort_unstable();
        formats.dedup();
        formats
    }

    /// The oldest version of the line's protocol in which a node does all that is asked for.
    pub fn oldest_version(&self) -> u32 {
        let by_older_words = Outputs {
            files: Vec::new(),
            ..self.outputs.clone()
        };
        let mixed = self.mix.as_ref().filter(|mix| mix.mp4).map(|_| FileFormat::Mp4);
        let is_older = by_older_words.is_default() && self.whole_files().into_iter().eq(mixed);
        let scene = self.mix.as_ref().map_or(OLDEST, |mix| mix.scene.oldest_version());
        scene.max(if is_older { OLDEST } else { OUTPUTS })
    }
}

/// How users are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One audio and one video playlist for each user.
    Individual,
    /// One playlist for all users.
    Mix,
}

/// When a channel counts as empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelType {
    /// When nobody is in it; a user who is there and sends nothing keeps the recording going.
    #[default]
    Communication,
    /// When nobody sends.
    Live,
}

/// What a mixed recording is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    pub output: MixOutput,
    /// The scene at the start; [`Desired`](crate::Desired) has the one in force.
    pub scene: Scene,
    /// Whether MP4 files are among [`Outputs::files`], for nodes that do not know those.
    pub mp4: bool,
}

/// JPEG pictures of each subscribed user's video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshots {
    /// The time between two pictures of one user, in milliseconds.
    pub interval_ms: u64,
    /// Whether nothing but pictures is made: no playlists.
    pub alone: bool,
}

/// How every user of the channel encrypts frames; docs/encryption.md defines it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decryption {
    pub cipher: Cipher,
    pub secret: Secret,
}

/// The cipher with which frames are encrypted, by key length and mode of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cipher {
    Aes128Xts,
    Aes128Ecb,
    Aes256Xts,
}

/// Where the users of the channel and their streams are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    /// The channel server of a node; without addresses, of the recording's own node.
    Builtin {
        /// The base of the RTSP URLs: `rtsp://host:port`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rtsp: Option<String>,
        /// The base of the roster's URL: `http://host:port`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roster: Option<String>,
    },
    /// A separate media server: its control API lists the paths `{app}/{channel}/{uid}[/{stream}]`, its RTSP server has
    /// them.
    Mediamtx {
        /// The base URL of the control API: `http://host:9997`.
        api: String,
        /// The base of the RTSP URLs: `rtsp://host:8554`, or `rtsps://host:8322#sha256=…` with the digest of its certificate.
        rtsp: String,
        /// `user:password` for the API and RTSP, where the server asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<Secret>,
        /// The path of a channel: `{app}` and `{channel}` are replaced; the uid follows behind a slash.
        #[serde(default = "default_path")]
        path: String,
    },
    /// A fixed list: uid → RTSP URL, for cameras. Credentials may stand in the URL, whatever place in it they take.
    Static { streams: BTreeMap<String, SecretUrl> },
}

fn default_path() -> String {
    "{app}/{channel}".to_owned()
}

/// Which tracks of the users are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamTypes {
    Audio,
    Video,
    Both,
}

/// Which users' audio and video are recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// A number that grows by one with each change.
    pub version: u64,
    pub types: StreamTypes,
    pub audio: Selection,
    pub video: Selection,
    /// The one that is taken of a user who sends video in two qualities.
    #[serde(default)]
    pub quality: VideoQuality,
}

/// The quality of video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoQuality {
    /// The camera's full picture.
    #[default]
    High,
    /// The `low` stream of those users who have one; of others, the full picture.
    Low,
}

/// Of whom something is recorded, by uid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    All,
    None,
    Only(Vec<String>),
    Except(Vec<String>),
}
