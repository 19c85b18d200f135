use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::joining::Order;
use crate::object;

/// Names a socket of an upload's object.
pub(super) type SocketId = u64;

/// What an upload's object is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Names the object.
    pub record_id: String,
    pub request: Request,
}

/// What can be asked of an upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Open(Box<Opening>),
    /// How far it has come.
    Look {
        app_id: String,
    },
}

/// An upload that a client may begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// What is to be made of it, without parts.
    pub order: Order,
    /// What the client shows.
    pub token: String,
}

/// The answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Opened,
    /// Open: there is another one of this name.
    Taken,
    /// `None`: there is none of this app, or a node has it by now.
    Stage(Option<Stage>),
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing has come.
    Waits,
    Comes,
    /// All has come.
    Ends,
}

/// What has happened at its socket, or came of an [`Effect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket is there. `offset`: the place in the file of what is sent first over it.
    Opened {
        socket: SocketId,
        token: String,
        offset: u64,
    },
    Bytes {
        socket: SocketId,
        bytes: Vec<u8>,
    },
    Text {
        socket: SocketId,
        text: String,
    },
    /// `whole`: the client has closed it as one does that has nothing more to send.
    Closed {
        socket: SocketId,
        whole: bool,
    },
    /// What came of [`Effect::Store`].
    Stored {
        ok: bool,
    },
    /// What came of [`Effect::Begin`].
    Begun {
        ok: bool,
    },
}

/// What the shell carries out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Persist what is kept, or remove it when there is nothing.
    Keep,
    Send {
        socket: SocketId,
        text: String,
    },
    Close {
        socket: SocketId,
        code: u16,
        reason: &'static str,
    },
    /// Put a piece into the app's store; answer with [`Event::Stored`].
    Store {
        order: Box<Order>,
        number: usize,
        bytes: Rc<Vec<u8>>,
    },
    /// Have a recording made of the pieces; answer with [`Event::Begun`].
    Begin(Box<Order>),
}

pub type Input = object::Input<Question, Event>;
pub type Output = object::Output<Reply, Effect>;
