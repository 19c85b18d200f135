//! The line of one media node, as the node's object sees it: which of its sockets the line is, what the node is asked over it
//! and has not answered yet, and what the node asks. Pure: [`step`] takes an input and the time, changes the [`Line`] and
//! returns what is to be done. It may not know Cloudflare, how a socket is written to, or what a recording or the fleet makes
//! of what a node tells.
//!
//! Its lines have leases, see `leases`: what the node holds is lost when the lease is over by which it holds it, and the
//! recorders are told, some at a time. What must not be forgotten of that is the [`Memo`] and what the node [holds](Held),
//! which are written when they change.
//!
//! The platform may put the object to sleep while its sockets stay open, and forgets the state with that. What is needed then
//! stands in the [`Attachment`] of each socket. A question that waits for the node's answer keeps the object awake by its
//! caller; should the object end all the same, its caller learns that nobody answers, and an answer that comes later is for
//! nobody, since ids are not used twice.
//!
//! | lost | made good by |
//! |---|---|
//! | a message to the node, or its answer | the question's deadline: whoever asked takes the node for unreachable |
//! | a message of the node, or the answer to it | the node's own deadline: it asks again, with its newest state |
//! | the line | the node opens another one; whoever waits for an answer over the old one is told at once |
//! | the telling of a loss | it is repeated until the recorder has noted it; and a recorder asks by itself now and then |
//! | a recording, by a node that is there | the node does not name it in its beats, and its recorder asks after it |

mod contract;
mod heard;
mod held;
mod kept;
mod leases;
mod limits;
mod questions;
mod sockets;
mod state;
#[cfg(test)]
mod tests;

use crate::object;
pub use contract::{Asked, Attachment, Effect, Event, Greeting, Input, Output, Pings, Reply, Request};
pub use kept::{Held, Holding, LineNumber, Loss, Memo, SocketId};
pub use state::{Kept, Line};

/// Applies one input. What [`Effect::Write`], [`Effect::Hold`], [`Effect::LetGo`] and [`Effect::Attach`] say has to be kept
/// before anything else is done; the other effects follow, in their order.
pub fn step(line: &mut Line, input: Input, pings: Pings<'_>, now_ms: u64) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        object::Input::Asked {
            by,
            request:
                Request::Ask {
                    ask,
                    limit_ms,
                    holding,
                    oldest,
                },
        } => match line.too_old(oldest) {
            Some(answer) => out.push(Output::Reply { to: by, reply: answer }),
            None => line.ask(by, &ask, limit_ms, holding, now_ms, &mut out),
        },
        object::Input::Asked {
            by,
            request: Request::Look { line: number, holding },
        } => line.look_for(by, number, &holding, now_ms, &mut out),
        object::Input::Asked {
            by,
            request: Request::Close { reason },
        } => line.close_all(by, &reason, pings, now_ms, &mut out),
        object::Input::Event(Event::Opened { socket, node_id }) => line.opened(socket, node_id, &mut out),
        object::Input::Event(Event::Message { socket, text }) => line.heard(socket, &text, pings, now_ms, &mut out),
        object::Input::Event(Event::Closed { socket }) => line.gone(socket, pings, now_ms, &mut out),
        object::Input::Event(Event::Done { asked, answer, ok }) => line.done(asked, &answer, ok, &mut out),
        object::Input::Event(Event::Told { recorder, loss, ok }) => line.told(&recorder, loss, ok, now_ms, &mut out),
        object::Input::Event(Event::Missed { sid, is_with_node }) => line.asked_about(sid, is_with_node, &mut out),
        object::Input::Alarm => line.expire(now_ms, &mut out),
    }
    line.settle(pings, now_ms, &mut out);
    out
}
