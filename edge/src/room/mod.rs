//! Rooms: who is in one, as what, what each publishes and each is shown, and who hears of it. A room stands on the channel of the
//! same name, so that whoever publishes to that by another protocol is in the room as well. Pure: `(room, input, time, chance) →
//! effects`. It may not know Cloudflare, how a node is reached, whose API creates rooms, or what media is.
//!
//! Clients speak to a room over WebSockets, whose frames are in `signal.rs`; a client always offers and a node answers, so that
//! no two offers meet. A subscribing connection has sections that receive, *slots*: who comes and goes changes which track a slot
//! shows, and no description.
//!
//! What may get lost, and what becomes of it:
//!
//! | lost | what follows |
//! |---|---|
//! | a socket | its peer stays for 15 seconds, and messages wait for it; whoever shows its `resume` takes its place |
//! | the object's process | rows have the room and its peers; sockets that closed with it count as broken |
//! | what was being told to a node, to another room or to the lobby | it is told again until it was heard |
//! | a node | its connections are lost, and clients make new ones, which go elsewhere |
//! | a node's process | its channels are told when the next one begins, and clients make new connections |

mod calls;
mod contract;
mod frames;
mod guests;
pub mod ids;
mod joining;
mod limits;
pub mod lobby;
mod media;
mod news;
mod offer;
mod peer;
mod playback;
mod problem;
mod random;
mod servers;
mod sharing;
mod showing;
mod signal;
mod slots;
mod spec;
mod state;
mod terms;
#[cfg(test)]
mod tests;
mod tracks;
mod turn;

pub use contract::{
    Answered, Effect, Errand, Event, Input, Join, Kept, Output, Pings, Publisher, Purpose, Question, Reply, Request,
    Row, View, Wanted,
};
pub use guests::publishers;
pub use limits::{DEFAULT_MEMBERS, MAX_ID_BYTES, MAX_MESSAGE_BYTES};
pub use peer::{Connection, Peer, Track};
pub use problem::Problem;
pub use random::Random;
pub use servers::{ServerView, server, servers};
pub use showing::{Playback, Played};
pub use slots::is_done;
pub use spec::{Creation, Kind, Other, Raised, Spec, Transport};
pub use state::Room;
pub use terms::{May, Server, SharedTrack, Side, SocketId};
pub use turn::step;

/// What whoever carries out a call of the API asks of rooms.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Room(Question),
    Lobby(lobby::Question),
    /// Which servers there are.
    Servers,
}

/// The answer to an [`Ask`] of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Room(Reply),
    Lobby(lobby::Reply),
    Servers(Vec<ServerView>),
}
