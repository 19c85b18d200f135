use super::ask::Object;
use crate::line;

/// How the object that holds a node's line is asked.
pub(in crate::worker) enum LineOf {}

impl Object for LineOf {
    const BINDING: &'static str = "LINE";
    /// The node's id.
    type Key = str;
    type Request = line::Request;
    type Reply = line::Reply;

    fn name(node_id: &str) -> String {
        serde_json::json!([node_id]).to_string()
    }
}
