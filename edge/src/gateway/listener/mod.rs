//! One socket by which a back end listens to what happens in its apps: it signs in, says of which apps it wants to hear, and asks
//! how they stand. Pure: [`step`] takes an input and the time, changes the [`Listener`] and returns what is to be done. It may not
//! know Cloudflare, or the words that are spoken over the socket: a dialect reads and writes them.
//!
//! The socket stays open while the object sleeps; who is signed in stands in what is kept with it. What is asked over the socket is
//! done one after the other.

mod contract;
mod state;
#[cfg(test)]
mod tests;

use crate::object;
pub use contract::{
    Answer, AppState, Done, Effect, Event, Input, Output, Reply, Request, Said, Session, Told, What, Why, Wish,
};
pub use state::Listener;

/// Applies one input. What [`Effect::Keep`] says has to be kept before anything else is done.
pub fn step(listener: &mut Listener, input: Input, now_ms: u64) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        object::Input::Asked { by, request } => {
            let reply = listener.asked(request, &mut out);
            out.push(Output::Reply { to: by, reply });
        }
        object::Input::Event(Event::Opened) => listener.opened(now_ms),
        object::Input::Event(Event::Said(said)) => listener.said(said, &mut out),
        object::Input::Event(Event::Done(done)) => listener.done(done, &mut out),
        object::Input::Event(Event::Closed) => listener.closed(&mut out),
        object::Input::Alarm => listener.expire(now_ms, &mut out),
    }
    out
}
