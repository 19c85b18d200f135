//! Where channels live. `Channel` is one channel: which nodes carry it, who publishes to it as these nodes tell it, and which
//! nodes follow it and are told of each change, as are those who listen to its app; with its first user it has an automatic recording begun, where its app wants one. [`carried`] is one node: the channels that it carries or follows, and the lease
//! that holds all of them, so that a channel itself costs nothing while nothing changes in it.
//!
//! Pure: [`step`] takes an input and the time, changes the [`Channel`] and returns what is to be done. It may not know
//! Cloudflare, how a node is reached, or what records a channel.
//!
//! | lost | made good by |
//! |---|---|
//! | what a node tells, or the answer to it | the node tells it again; what is older than what is known is passed over |
//! | what a follower is told | it is told again after a pause, or asks when it has another line |
//! | what the app's listeners are told | it is told again, also when the object has been forgotten meanwhile |
//! | a node | its lease ends, and each of its channels is told so by [`carried`] |
//! | the object's memory | all but what is under way stands in its rows |

mod automatic;
pub mod carried;
mod carrier;
mod contract;
mod followers;
mod herald;
mod state;
#[cfg(test)]
mod tests;

use crate::object;
pub use automatic::{Begun, Recorded};
pub use carrier::Carrier;
pub use contract::{ChannelKey, Effect, Event, Heard, Input, Output, Part, Question, Reply, Request, Row, Standing};
pub use state::Channel;

/// Applies one input. What [`Effect::Save`] and [`Effect::Remove`] say has to be kept before anything else is done.
pub fn step(channel: &mut Channel, input: Input, now_ms: u64) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        object::Input::Asked { by, request } => {
            channel.name(request.channel);
            let reply = channel.asked(request.request, now_ms, &mut out);
            out.push(Output::Reply { to: by, reply });
        }
        object::Input::Event(Event::Told { node_id, told, ok }) => channel.followers.told(&node_id, told, ok, now_ms),
        object::Input::Event(Event::Heard { told, heard }) => channel.heard(told, heard, now_ms, &mut out),
        object::Input::Event(Event::Begun(begun)) => channel.begun(begun, now_ms, &mut out),
        object::Input::Alarm => {}
    }
    channel.settle_automatic(now_ms, &mut out);
    channel.tell(now_ms, &mut out);
    channel.announce(now_ms, &mut out);
    out
}
