//! The life of one recorder's recordings: who may start, ask about and stop one, which node holds its lease, when it
//! ends and what is told of it. Pure: [`step`] takes an input and the time, changes the [`State`] and returns [`Effect`]s.
//! It may not know Cloudflare, the bytes of a dialect, or how a node is reached.
//!
//! One [`State`] belongs to one (app, channel, recorder uid). At most one of its recordings may capture at a time; those
//! before it may still upload, or are over and kept for queries. What has to survive a crash is in the state before any
//! effect is carried out; an effect that gets lost is made good by a deadline or by the node's next report:
//!
//! | lost | made good by |
//! |---|---|
//! | `Place`, `SendJob` | a start is given up at its deadline, any other search asks again; a node that took the job is told to release it |
//! | `SendDesired` | the answer to the node's next report; a node that reports only news is told again until it has heard |
//! | `Look` | asked again later |
//! | `Publish` | sent again at its deadline |
//! | `Answer` | the answer to the next report |
//! | `Deliver` | sent again at its deadline, or as soon as another process works on the state |
//! | `Reply` | nothing: the caller is gone too. A repeated start with the same resource ID finds the recording |
//!
//! The rooms, from the ground up; none knows one above it:
//!
//! | room | content |
//! |---|---|
//! | `limits` | how much, how often and for how long |
//! | `contract` | what is asked, what happens and what comes of it |
//! | `notice` | what has been told of each recording, and what waits to be |
//! | `state` | what is known of the recordings |
//! | `rules` | what is done about a recording, whatever brings it about |
//! | `input` | one file for each thing that can happen |
//! | `due` | what follows after each input because of it, or because time has passed |

mod contract;
mod due;
mod input;
mod limits;
mod notice;
mod rules;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use contract::is_empty;
pub use contract::{
    Attempt, Awaited, Call, CallId, Command, Delivery, Effect, Event, House, Incident, Input, JobText, LoggedNotice,
    Lost, Missing, Node, NodeAnswer, Notice, NoticeState, Outcome, PageWish, Preference, RecordingView, Renewal,
    Replay, Reply, Request, Row, ScenePart, Standing, Start, Status, Stop, Subject, Target, Ticket, Unfit, Update,
    UpdateLayout, What, Which, Who, tag,
};
pub use due::next_alarm;
pub use limits::Policy;
pub use notice::{Ledger, Ledgers, Pacing};
pub use state::{Changes, Secrets, State, Written, fill_page};

/// Applies one input to the state. Persist its [changes](Written::changes) and what [`Effect::Note`] and [`Effect::Forget`]
/// say, then carry out the other effects, in any order.
pub fn step(state: &mut State, input: Input, now_ms: u64) -> Vec<Effect> {
    let mut effects = Vec::new();
    input::take(state, input, now_ms, &mut effects);
    due::settle(state, now_ms, &mut effects);
    effects
}
