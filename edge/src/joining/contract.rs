use protocol::{EndCause, Joined, Mode, RecordedFile, RecorderKey, Refusal};
use serde::{Deserialize, Serialize};

use crate::access::Callback;
use crate::app::News;
use crate::object;
use crate::recording::{Delivery, House};

/// What is to be joined, and who is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The channel that it is listed under; the uid is the dialect's word for what it is.
    pub key: RecorderKey,
    pub sid: String,
    /// That of the place in the app's quota.
    pub nonce: String,
    pub parts: Vec<Part>,
    /// When the first of the media was recorded, Unix milliseconds.
    pub start_ms: u64,
    /// Where the joined file goes: the [prefix](protocol::Storage::prefix) of a place that no other recording has.
    pub place: String,
    pub house: House,
    /// Each callback that is told of the end, in this order.
    pub told: Vec<Told>,
    /// The parts are pieces of one file, whatever it is coded in. They are below the order's place, and are deleted at the end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imports: bool,
    /// The recording whose own files the parts are. It is listed with the joined file in their place, and they are deleted then;
    /// where they cannot be joined, they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Box<Recorded>>,
}

/// A recording that is over, as the app's index lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    pub mode: Mode,
    pub started_ms: u64,
    pub ended_ms: Option<u64>,
    pub cause: Option<EndCause>,
    /// The parts, in their order.
    pub files: Vec<RecordedFile>,
}

/// A file of MP4 in one of the app's own stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// As [`House::store`].
    pub store: String,
    /// The object's key: prefix and name.
    pub key: String,
    pub bytes: u64,
}

/// Whom the end is told to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub callback: Callback,
    /// In which of its forms the dialect tells it.
    pub form: String,
}

/// What can be asked of the object that joins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Repeated, it changes nothing.
    Begin(Box<Order>),
}

/// The answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Begun,
}

/// What came of an [`Effect`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A node's id, or why there is none.
    Placed(Result<String, String>),
    Answered {
        node_id: String,
        answer: Answer,
    },
    /// Whether the app's index has heard.
    Told(bool),
    /// The app's index does not list the recording any more that was to be changed.
    Gone,
    /// Whether what was to be deleted is; false: not all of it, and some may have gone.
    Cleared(Result<bool, String>),
    Delivered {
        /// As in the effect.
        to: usize,
        delivery: Delivery,
    },
}

/// What a node has said.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Joined(Joined),
    Refused(Refusal),
    /// Nothing.
    Away,
}

/// What the shell carries out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Persist the state with this input's changes, or remove it when there is none.
    Keep,
    /// Find a node that is none of these; answer with [`Event::Placed`].
    Place { sid: String, exclude: Vec<String> },
    /// Have the node join, or hear how far it has come; answer with [`Event::Answered`]. `name`: that of the object.
    Ask {
        node_id: String,
        name: String,
        order: Box<Order>,
    },
    /// Tell the app's index; answer with [`Event::Told`].
    Tell(Box<News>),
    /// Delete what nobody needs any more; answer with [`Event::Cleared`].
    Clear { order: Box<Order>, waste: Waste },
    /// Tell a callback; answer with [`Event::Delivered`].
    Deliver {
        order: Box<Order>,
        /// The place in [`Order::told`].
        to: usize,
        result: Box<Result<RecordedFile, Refusal>>,
    },
}

/// What nobody needs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waste {
    /// What an imported file has come in.
    Pieces,
    /// The files of a recording that are joined.
    Parts,
    /// All of a recording that was deleted while its files were joined.
    Everything,
}

pub type Input = object::Input<Request, Event>;
pub type Output = object::Output<Reply, Effect>;
