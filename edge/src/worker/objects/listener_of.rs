use super::ask::Object;
use crate::gateway::listener;

/// How the object that holds the socket of a listener is asked.
pub(in crate::worker) enum ListenerOf {}

impl Object for ListenerOf {
    const BINDING: &'static str = "LISTENER";
    /// The listener's own name.
    type Key = str;
    type Request = listener::Request;
    type Reply = listener::Reply;

    fn name(listener: &str) -> String {
        serde_json::json!([listener]).to_string()
    }
}
