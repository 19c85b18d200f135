use protocol::CarriedUser;
use serde::{Deserialize, Serialize};

use super::automatic::{Begun, Recorded};
use super::carrier::Carrier;
use crate::object;

/// Names one channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChannelKey {
    pub app_id: String,
    pub channel: String,
}

/// What the object of this channel is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub channel: ChannelKey,
    pub request: Request,
}

/// What a channel's object can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A node tells who publishes to the channel there; nobody any more, if there are no users.
    Tell {
        node_id: String,
        /// The node's own lease.
        lease: u64,
        address: String,
        version: u64,
        users: Vec<CarriedUser>,
    },
    /// A node wants to be told of changes.
    Follow { node_id: String, lease: u64 },
    /// A node does not want to be told any more.
    Leave { node_id: String },
    /// A node has lost this lease, and with it all that it told under it or earlier ones.
    Lost { node_id: String, lease: u64 },
    /// Where the channel lives, as this node has to know it.
    Look { node_id: String },
    /// Which nodes carry it.
    Carriers,
    /// A recording of the channel captures no more; `stopped`: because somebody wanted that.
    Ended { sid: String, stopped: bool },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done,
    Standing(Standing),
    /// The ids of the nodes.
    Carriers(Vec<String>),
}

/// Where a channel lives besides at one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// It grows with each change of the channel.
    pub version: u64,
    /// The version that the node itself has told, as far as it is known here.
    pub heard: u64,
    /// Each with its node's id and address, by id. A stream is listed once.
    pub carriers: Vec<(String, String, Vec<CarriedUser>)>,
}

/// What happens to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What came of [`Effect::Tell`].
    Told { node_id: String, told: u64, ok: bool },
    /// What came of [`Effect::Announce`].
    Heard { told: u64, heard: Heard },
    /// What came of [`Effect::Begin`].
    Begun(Begun),
}

/// Who has heard how a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Those who listen to its app, or may.
    Listeners,
    /// The app is none that anybody can listen to.
    Nobody,
    /// It has to be told again.
    Failed,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep a row, in the place of the one that has the same name. To be persisted with the state.
    Save(Row),
    /// Remove a row. To be persisted with the state.
    Remove { name: String },
    /// Tell a follower; answer with [`Event::Told`].
    Tell {
        channel: ChannelKey,
        node_id: String,
        told: u64,
        standing: Standing,
    },
    /// Tell those who listen to the app who is in the channel; answer with [`Event::Heard`].
    Announce {
        channel: ChannelKey,
        told: u64,
        users: Vec<CarriedUser>,
    },
    /// Start an automatic recording, if the app wants one; answer with [`Event::Begun`].
    Begin { channel: ChannelKey },
}

/// What is kept of a channel, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub channel: ChannelKey,
    /// The node that it is about; empty for what is about none.
    pub node_id: String,
    pub part: Part,
}

/// What one [`Row`] keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Carrier(Carrier),
    /// Under this lease.
    Follower(u64),
    Automatic(Recorded),
    /// Those who listen to the app know of users.
    Heard,
}

impl Row {
    pub(super) const NAME_OF_AUTOMATIC: &str = "automatic";

    pub(super) const NAME_OF_HEARD: &str = "heard";

    pub fn name(&self) -> String {
        match self.part {
            Part::Carrier(_) => Self::name_of_carrier(&self.node_id),
            Part::Follower(_) => Self::name_of_follower(&self.node_id),
            Part::Automatic(_) => Self::NAME_OF_AUTOMATIC.to_owned(),
            Part::Heard => Self::NAME_OF_HEARD.to_owned(),
        }
    }

    pub(super) fn name_of_carrier(node_id: &str) -> String {
        format!("carrier:{node_id}")
    }

    pub(super) fn name_of_follower(node_id: &str) -> String {
        format!("follower:{node_id}")
    }
}

pub type Input = object::Input<Question, Event>;
pub type Output = object::Output<Reply, Effect>;
