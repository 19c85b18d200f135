//! What is asked of the recordings of one recorder, what happens to them, and what comes of it: the words between the core
//! and its shell, its dialects and its nodes. Each dialect turns its bytes into a [`Command`] and an [`Outcome`] into its
//! bytes. May not know how anything is decided, or what is kept.

mod command;
mod delivery;
mod effect;
mod event;
mod house;
mod incident;
mod input;
mod log;
mod outcome;
mod preference;
mod row;
mod subscription;
mod view;

pub use crate::object::CallId;
pub use command::{Call, Command, Renewal, Replay, ScenePart, Start, Stop, Target, Ticket, Update, UpdateLayout};
pub use delivery::{Attempt, Delivery};
pub(super) use effect::reply;
pub use effect::{Effect, PageWish};
pub use event::{Event, Notice, Subject};
pub use house::House;
pub use incident::{Incident, What, Who};
pub use input::{Input, JobText, Lost, Missing, Node, NodeAnswer, Reply, Request};
pub use log::{LoggedNotice, NoticeState, Which};
pub use outcome::{Outcome, Unfit};
pub use preference::{Preference, tag};
pub use row::Row;
pub(crate) use subscription::is_empty;
pub use view::{Awaited, RecordingView, Standing, Status};
