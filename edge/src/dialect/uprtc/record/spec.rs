use protocol::{
    AudioProfile, ChannelType, FileFormat, Layout, Mix, MixOutput, Mode, Outputs, RecordingSpec, Scene, Selection,
    Source, Storage, StreamTypes, Subscription, VideoQuality,
};

use crate::dialect::house::files_called;
use crate::dialect::uprtc::params::{user, users};
use crate::input::{FieldError, Fields};

const FPS: u32 = 25;

/// How a record is to look, and who is in it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dialect::uprtc) struct Wish {
    pub(super) server_alias: Option<String>,
    all: bool,
    peers: Option<Vec<String>>,
    width: u32,
    height: u32,
    kbps: u32,
    /// Whose picture is large.
    large: Option<String>,
}

impl Wish {
    pub(in crate::dialect::uprtc) fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        // Mixes turn every picture that says to be turned.
        fields.boolean("fixVideoDirection")?;
        let (width, height, kbps) = match fields.string("resolution")? {
            Some("1080p") => (1920, 1080, 3_500),
            None | Some("720p") => (1280, 720, 1_800),
            Some("480p") => (854, 480, 900),
            Some(_) => return Err(fields.error("resolution", "must be 1080p, 720p or 480p")),
        };
        let large = match fields.string("layout")? {
            None | Some("grid") => None,
            Some(_) => user(fields, "layout")?,
        };
        Ok(Self {
            server_alias: fields.string("serverAlias")?.map(str::to_owned),
            all: fields.boolean("all")?.unwrap_or_default(),
            peers: users(fields, "peers")?,
            width,
            height,
            kbps,
            large,
        })
    }

    /// Who is recorded; by default of a live room its `master`, of another one everybody.
    pub(super) fn selection(&self, master: Option<&str>) -> Selection {
        match (&self.peers, master) {
            _ if self.all => Selection::All,
            (Some(peers), _) if !peers.is_empty() => {
                let mut peers = peers.clone();
                peers.sort_unstable();
                peers.dedup();
                Selection::Only(peers)
            }
            (_, Some(master)) => Selection::Only(vec![master.to_owned()]),
            (_, None) => Selection::All,
        }
    }

    /// `storage`: where the files of this record alone go.
    pub(super) fn specification(
        &self,
        source: Source,
        storage: Storage,
        record_id: &str,
        who: Selection,
    ) -> RecordingSpec {
        let layout = match &self.large {
            Some(user) => Layout::Vertical {
                large_uid: Some(user.clone()),
                large_speaker: false,
            },
            None => Layout::BestFit,
        };
        RecordingSpec {
            mode: Mode::Mix,
            mix: Some(Mix {
                output: MixOutput {
                    width: self.width,
                    height: self.height,
                    fps: FPS,
                    bitrate_kbps: self.kbps,
                    audio: AudioProfile::Mono128,
                    in_order: true,
                },
                scene: Scene {
                    version: 1,
                    layout,
                    ..Scene::default()
                },
                mp4: true,
            }),
            outputs: Outputs {
                hls: false,
                files: vec![FileFormat::Mp4],
                max_ms: None,
                multivariant: false,
            },
            snapshots: None,
            decryption: None,
            source,
            channel_type: ChannelType::Live,
            subscription: Subscription {
                version: 1,
                types: StreamTypes::Both,
                audio: who.clone(),
                video: who,
                quality: VideoQuality::High,
            },
            files: files_called(record_id),
            storage,
            backup: None,
        }
    }
}
