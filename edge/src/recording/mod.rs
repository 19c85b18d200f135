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
//! | `SendDesired` | the answer to the node's next report |
//! | `Publish` | sent again at its deadline |
//! | `Answer` | the answer to the next report |
//! | `Deliver` | sent again at its deadline, or as soon as another process works on the state |
//! | `Reply` | nothing: the caller is gone too. A repeated start with the same resource ID finds the recording |

mod command;
mod deadlines;
mod handover;
mod inventory;
mod job;
mod lifecycle;
mod message;
mod nodes;
mod notice;
mod orders;
mod placement;
mod preference;
mod publication;
mod reports;
mod search;
mod snapshot;
mod state;
mod subscription;
#[cfg(test)]
mod tests;

pub use crate::object::CallId;
pub use command::{
    Call, Command, Outcome, Renewal, Replay, Snapshot, Spec, Start, Status, Stop, Target, Ticket, Unfit, Update,
    UpdateLayout,
};
pub use deadlines::next_alarm;
pub use inventory::PageWish;
pub use message::{Effect, Input, Node, NodeAnswer, Reply, Request};
pub use notice::{
    Attempt, Delivery, Event, Incident, Ledger, Ledgers, LoggedNotice, Notice, NoticeState, Pacing, Row, Subject, What,
    Which, Who,
};
pub use preference::{Preference, tag};
pub use state::{Policy, Secrets, State};
pub(crate) use subscription::is_empty;

/// Applies one input to the state. Persist the state with its rows and with what [`Effect::Note`] and [`Effect::Forget`]
/// say, then carry out the other effects, in any order.
pub fn step(state: &mut State, input: Input, now_ms: u64) -> Vec<Effect> {
    let mut effects = Vec::new();
    let out = &mut effects;
    if let Some(report) = input.report() {
        notice::hear(state, report);
    }
    match input {
        Input::Asked { by, request } => match request {
            Request::Call(Call {
                key,
                command: Command::Start(start),
            }) => {
                placement::start(state, by, key, *start, now_ms, out);
            }
            Request::Call(Call {
                command: Command::Query(target),
                ..
            }) => {
                orders::query(state, by, &target, now_ms, out);
            }
            Request::Call(Call {
                command: Command::Stop(stop),
                ..
            }) => orders::stop(state, by, &stop, now_ms, out),
            Request::Call(Call {
                command: Command::Update(update),
                ..
            }) => {
                subscription::update(state, by, update, now_ms, out);
            }
            Request::Call(Call {
                command: Command::UpdateLayout(update),
                ..
            }) => {
                orders::update_layout(state, by, update, now_ms, out);
            }
            Request::Report(report) => reports::reported(state, by, *report, now_ms, out),
            Request::Job(request) => job::requested(state, by, &request, now_ms, out),
            Request::Replay(replay) => notice::replay(state, by, &replay, now_ms, out),
        },
        Input::Placed { sid, epoch, node } => search::placed(state, &sid, epoch, node, now_ms, out),
        Input::JobAnswered { sid, epoch, answer } => {
            search::job_answered(state, &sid, epoch, answer, now_ms, out);
        }
        Input::DesiredAnswered { sid, desired, answer } => {
            orders::desired_answered(state, &sid, &desired, answer, now_ms, out);
        }
        Input::Published { sid, revision, ok } => publication::published(state, &sid, revision, ok, now_ms),
        Input::Delivered {
            sid,
            position,
            result,
            chance,
        } => notice::delivered(state, &sid, position, result, chance, now_ms),
        Input::Alarm => {}
    }
    deadlines::settle(state, now_ms, out);
    notice::settle(state, out, now_ms);
    publication::flush(state, now_ms, out);
    deadlines::forget(state, now_ms, out);
    notice::forget(state, now_ms);
    notice::flush(state, now_ms, out);
    effects
}
