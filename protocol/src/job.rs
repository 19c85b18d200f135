use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spec::{ChannelType, Decryption, Mix, Mode, PlaylistStyle, Snapshots, Source, Subscription};
use crate::{Assignment, Backup, Storage};

/// What names a recorder: at most one recording runs for each of these at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecorderKey {
    pub app_id: String,
    /// The channel's name, Agora's `cname`.
    pub channel: String,
    /// The uid that the recorder itself has in the channel.
    pub uid: String,
}

impl fmt::Display for RecorderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.app_id, self.channel, self.uid)
    }
}

/// All that a node needs to carry out one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// 32 lower-case hexadecimal characters.
    pub sid: String,
    /// Of the lease under which this node may capture. Each placement has a higher one.
    pub epoch: u64,
    pub recorder: RecorderKey,
    pub mode: Mode,
    /// In mode `Mix`, what is mixed.
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
    pub playlist: PlaylistStyle,
    pub storage: Storage,
    /// Of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    #[serde(default, rename = "placement")]
    pub assignment: Assignment,
}

/// A node's request for the job of a recording whose spool it holds, made after a restart because secrets never rest on
/// the node. A node whose lease was lost gets it too, directed to release the recording: it uploads what it holds. The
/// edge refuses with 404 what it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    pub node_id: String,
    pub recorder: RecorderKey,
    pub sid: String,
    pub epoch: u64,
}
