//! What happens in one app, numbered, and who is told: users and their media in its channels, as the channels tell them, and how
//! its recordings stand, as their recorders tell it. Pure: [`step`] takes an input, changes the [`Feed`] and returns what is to be
//! done. It may not know Cloudflare, whose socket a listener is, or in which words it is told.
//!
//! | lost | made good by |
//! |---|---|
//! | what a channel or a recorder tells | it tells it again; what is known already makes no event |
//! | an event on its way to a listener | its number is missing, so the listener looks at the whole state, or asks for it by number |
//! | a listener that went away without a word | the next event finds nobody there |
//! | the object's memory | all but what is on its way to listeners stands in its rows |

mod contract;
mod state;
mod subscriber;
#[cfg(test)]
mod tests;

use crate::object;
pub use contract::{
    ChannelState, Effect, Event, Happened, Happening, Input, Media, Output, Pushed, Question, Reply, Request, Row,
    Rows, User,
};
pub use state::Feed;

/// Applies one input. What [`Effect::Save`] and [`Effect::Remove`] say has to be kept before anything else is done.
pub fn step(feed: &mut Feed, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        object::Input::Asked { by, request } => {
            feed.name(request.app_id);
            let reply = feed.answer(request.request, &mut out);
            out.push(Output::Reply { to: by, reply });
        }
        object::Input::Event(Event::Pushed { listener, pushed }) => feed.pushed(&listener, pushed, &mut out),
        object::Input::Alarm => {}
    }
    feed.push(&mut out);
    out
}
