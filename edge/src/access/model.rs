use std::collections::BTreeMap;

use protocol::{Backup, Secret, Source, VpxContainer};
use serde::{Deserialize, Serialize};

use super::{HouseStorage, Limits};

/// A customer: the owner of credentials and apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: String,
    pub name: String,
    pub created_ms: u64,
}

/// What a tenant's back end signs in with. A tenant can have several, which is how they are rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub customer_id: String,
    pub tenant: String,
    pub secret: Secret,
    pub created_ms: u64,
}

/// An app, as the API's users name it by its App ID.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// 32 hexadecimal characters; upper and lower case differ.
    pub app_id: String,
    pub tenant: String,
    pub name: String,
    /// The name of the dialect that the app speaks: which ones there are, this folder does not know.
    pub dialect: String,
    /// Where the channels of this app are.
    pub source: Source,
    /// What tokens of versions 006 and 007 are signed with: 32 hexadecimal characters. Without one, a start asks for none.
    pub certificate: Option<Secret>,
    /// Who may publish to its channels and play from them.
    pub channels: Channels,
    /// The callback that is told of events.
    pub callback: Option<Callback>,
    /// Callbacks for what the app's own is not told of, by the dialect's names.
    pub further: BTreeMap<String, Callback>,
    /// Where slices go while the customer's store takes none.
    pub backup: Option<Backup>,
    /// The operator's store for recordings whose callers name none.
    pub house_storage: Option<HouseStorage>,
    /// The recording that each channel has while somebody is in it.
    pub automatic: Option<Automatic>,
    pub recorder: RecorderDefaults,
    pub limits: Limits,
    /// No new recording is started; those that run can be asked about and stopped.
    pub disabled: bool,
    pub created_ms: u64,
}

impl App {
    /// One that has nothing set: its channels are open and at the built-in server.
    pub fn new(
        app_id: impl Into<String>,
        tenant: impl Into<String>,
        dialect: impl Into<String>,
        created_ms: u64,
    ) -> Self {
        Self {
            app_id: app_id.into(),
            tenant: tenant.into(),
            name: String::new(),
            dialect: dialect.into(),
            source: Source::Builtin {
                rtsp: None,
                roster: None,
            },
            certificate: None,
            channels: Channels::default(),
            callback: None,
            further: BTreeMap::new(),
            backup: None,
            house_storage: None,
            automatic: None,
            recorder: RecorderDefaults::default(),
            limits: Limits::default(),
            disabled: false,
            created_ms,
        }
    }
}

/// Who may join the channels of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    pub access: ChannelAccess,
    /// What channel tokens are signed with, the oldest first. All of them are good, which is how they are rotated.
    pub secrets: Vec<ChannelSecret>,
}

/// Whether the channels of an app ask for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelAccess {
    /// Everybody may publish and play who reaches a node that serves open channels.
    #[default]
    Open,
    /// Whoever shows a channel token may do what it allows.
    Token,
}

/// What an app's back end signs channel tokens with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSecret {
    /// Names the secret for the operator.
    pub id: String,
    /// Its bytes are the key, whatever characters it has.
    pub secret: Secret,
    pub created_ms: u64,
}

/// Where an app's events go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// `http(s)://host[:port][/path][?query]`; what stands behind the host can be secret.
    pub url: Secret,
    /// What the events are signed with.
    pub secret: Secret,
    /// The events that are wanted, by their numbers in the app's dialect; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<u32>>,
}

/// How the channels of an app are recorded without a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automatic {
    /// As the app's dialect names it.
    pub mode: String,
    /// The body of the app's dialect for a start, but for the channel, as JSON; the store's keys are in it.
    pub body: Secret,
}

/// What a recording does when its start does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecorderDefaults {
    /// Write `#EXTINF` as RFC 8216 asks, with its comma.
    pub strict_extinf: bool,
    /// Write playlists that lead to those of each user, where the store is a bucket.
    pub multivariant_playlists: bool,
    pub vpx_container: VpxContainer,
}

impl Default for RecorderDefaults {
    fn default() -> Self {
        Self {
            strict_extinf: true,
            multivariant_playlists: false,
            vpx_container: VpxContainer::default(),
        }
    }
}
