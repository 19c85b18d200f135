use std::collections::BTreeSet;

use protocol::Secret;
use serde::{Deserialize, Serialize};

use crate::gateway::feed::{ChannelState, Happened};
use crate::object;

/// What others ask of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Tell this of an app.
    Push { app_id: String, events: Vec<Happened> },
    /// Make room: the account has more listeners than it may.
    Close,
}

/// The answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done,
    /// Nobody listens to that app here.
    Gone,
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub what: What,
    /// What the answer has to say again, in the dialect's words.
    pub echo: String,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    SignIn {
        account: String,
        token: Secret,
        /// The app that is meant where a later message names none.
        app_id: Option<String>,
    },
    SignOut,
    /// No apps: that of the sign-in.
    Subscribe(Vec<Wish>),
    /// No apps: all.
    Unsubscribe(Vec<Wish>),
    /// No apps: that of the sign-in, or those that are followed.
    Look(Vec<Wish>),
    Beat,
    /// It lacks a field.
    Lacking(&'static str),
    /// It cannot be read: what is wrong with it, for a person.
    Nonsense(String),
}

/// An app that somebody wants to hear of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub app_id: String,
    /// `None` for all.
    pub channels: Option<BTreeSet<String>>,
    /// And what has happened behind this number.
    pub since: Option<u64>,
}

/// What a message is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    States(Vec<AppState>),
    Refused(Why),
}

/// Why it is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    NotSignedIn,
    SignedInAlready,
    /// The token is none of the account's.
    BadToken,
    /// It was, and is over.
    TokenOver,
    /// An app is none of the account's.
    NotAllowed {
        app_id: String,
    },
    /// It names no app.
    NoApp,
    /// More apps, or more listeners to one, than there may be.
    TooMany,
    /// So much does not fit into one message: fewer channels do.
    TooLarge,
    /// Ours: it can be tried again.
    Unavailable,
    Lacking(&'static str),
    Nonsense(String),
}

/// How an app stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppState {
    pub app_id: String,
    pub version: u64,
    pub channels: Vec<ChannelState>,
}

/// What is told over the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Answer { what: What, echo: String, answer: Answer },
    Event { app_id: String, happened: Happened },
}

/// What came of an effect that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Of [`Effect::Enter`], with the tenant.
    Entered(Result<String, Why>),
    /// Of [`Effect::Follow`].
    Followed(Result<(), Why>),
    /// Of [`Effect::Look`].
    Looked(Result<Vec<AppState>, Why>),
}

/// What happens to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Opened,
    Said(Said),
    Done(Done),
    Closed,
}

/// Who listens, and to what. Kept with the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub account: String,
    pub tenant: String,
    /// See [`What::SignIn`].
    pub app_id: Option<String>,
    /// Those that are followed.
    pub apps: BTreeSet<String>,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep this with the socket, in the place of what was. To be persisted with the state.
    Keep(Option<Session>),
    /// Find out whether the token is the account's; answer with [`Done::Entered`].
    Enter {
        account: String,
        token: Secret,
    },
    /// Have the feeds of these apps tell this listener, if they are the tenant's; answer with [`Done::Followed`].
    Follow {
        tenant: String,
        wishes: Vec<Wish>,
    },
    /// Ask the feeds of these apps, if they are the tenant's; answer with [`Done::Looked`].
    Look {
        tenant: String,
        wishes: Vec<Wish>,
    },
    /// Have the feeds of these apps tell this listener no more. Nobody waits for it.
    Unfollow(BTreeSet<String>),
    /// The account listens no more by this socket. Nobody waits for it.
    Leave {
        tenant: String,
        account: String,
    },
    Tell(Told),
    Close {
        code: u16,
        reason: &'static str,
    },
}

pub type Input = object::Input<Request, Event>;
pub type Output = object::Output<Reply, Effect>;
