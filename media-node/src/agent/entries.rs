use protocol::{EntryQuestion, Secret};

use super::Edge;
use crate::access::{self, Asked, Place};

/// Asks the edge, in the name of this node, who may enter a channel.
pub struct Entries {
    edge: Edge,
    node_id: String,
}

impl Entries {
    pub fn new(edge: Edge, node_id: String) -> Self {
        Self { edge, node_id }
    }
}

impl access::Edge for Entries {
    fn ask<'a>(&'a self, place: &'a Place, token: Option<&'a Secret>, own_uid: Option<&'a str>) -> Asked<'a> {
        let question = EntryQuestion {
            node_id: self.node_id.clone(),
            app_id: place.app.clone(),
            channel: place.channel.clone(),
            uid: place.uid.clone(),
            own_uid: own_uid.map(str::to_owned),
            token: token.cloned(),
        };
        Box::pin(async move { self.edge.entry(&question).await.map_err(|error| error.to_string()) })
    }
}
