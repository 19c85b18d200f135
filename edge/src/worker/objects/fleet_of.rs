use super::ask::Object;
use crate::fleet;

/// How the object that keeps the table of nodes is asked.
pub(in crate::worker) enum FleetOf {}

impl Object for FleetOf {
    const BINDING: &'static str = "FLEET";
    /// All nodes are in the table of one object.
    type Key = ();
    type Request = fleet::Request;
    type Reply = fleet::Reply;

    fn name((): &()) -> String {
        "fleet".to_owned()
    }
}
