//! What is the same for every object that keeps a core's state: the state that is loaded when it is needed, those who wait
//! for a reply, the one alarm, and texts that are too long for a row. Pure: the shell loads, persists, replies and sets the alarm; what it has to do, and
//! when, is decided here. It may not know Cloudflare, nor what any object is for.

mod alarm;
mod callers;
mod kept;
mod pieces;

pub use alarm::{Alarm, Order};
pub use callers::{CallId, Callers};
pub use kept::Kept;
pub use pieces::pieces;

/// What an object's core is told. `Q`: what can be asked, `E`: what happens to the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<Q, E> {
    /// Somebody waits for an [`Output::Reply`].
    Asked { by: CallId, request: Q },
    /// What came of an effect.
    Event(E),
    /// A deadline may have passed.
    Alarm,
}

/// What an object's core wants done once its state is persisted. `R`: what is replied, `F`: what else can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<R, F> {
    Reply { to: CallId, reply: R },
    Effect(F),
}
