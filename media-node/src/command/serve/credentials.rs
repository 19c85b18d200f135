//! Who this node is, and what it and others show to be let in.

use std::sync::Arc;

use protocol::Secret;

use super::args::ServeArgs;
use super::spool;
use crate::access::{Gate, Keys, Passes};
use crate::agent::{Edge, Entries};
use crate::random::random_id;

pub(super) struct Credentials {
    pub(super) node_id: String,
    /// What the node shows to the edge, and the edge to the node.
    pub(super) token: Option<Secret>,
    /// What nodes show to one another, to read rosters.
    pub(super) roster_key: Option<Secret>,
    pub(super) keys: Keys,
    pub(super) passes: Passes,
}

impl Credentials {
    /// # Errors
    /// When the node's name is not its token's, or cannot be kept.
    pub(super) fn new(args: &ServeArgs) -> Result<Self, String> {
        let secret = |text: &Option<String>| text.clone().map(Secret::new);
        let (token, roster_key) = (secret(&args.node_token), secret(&args.roster_key));
        let node_id = spool::node_id(args.node_id.clone(), token.as_ref(), &args.spool)?;
        let random = random_id().map_err(|error| format!("the system gives no randomness: {error}"))?;
        let passes = Passes::new(roster_key.as_ref(), token.as_ref(), || Secret::new(random));
        Ok(Self {
            node_id,
            token,
            roster_key,
            keys: Keys {
                publish: secret(&args.publish_key),
                play: secret(&args.play_key),
            },
            passes,
        })
    }

    /// Who decides about publishers and players: the edge, if there is one.
    ///
    /// # Errors
    /// When channels would be open to everybody and the operator has not said so.
    pub(super) fn gate(&self, args: &ServeArgs, edge: Option<&Edge>) -> Result<Arc<Gate>, String> {
        let mut gate = Gate::new(self.keys.clone(), self.passes.clone());
        if let Some(edge) = edge {
            gate = gate.asking(Arc::new(Entries::new(edge.clone(), self.node_id.clone())));
        }
        gate.listening(&args.channel_listens(), args.open_channels)
            .map(Arc::new)
    }
}
