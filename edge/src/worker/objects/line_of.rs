use super::ask::Object;
use crate::line;

/// The line of a node, which the object of that node holds.
pub(in crate::worker) enum LineOf {}

impl Object for LineOf {
    const BINDING: &'static str = "NODE";
    /// The node's id.
    type Key = str;
    type Request = line::Request;
    type Reply = line::Reply;

    fn name(node_id: &str) -> String {
        serde_json::json!([node_id]).to_string()
    }
}
