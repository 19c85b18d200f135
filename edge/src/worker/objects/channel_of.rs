use serde_json::json;

use super::ask::Object;
use crate::channel::{self, ChannelKey, Question};

/// How the object that keeps where a channel lives is asked.
pub(super) enum ChannelOf {}

impl Object for ChannelOf {
    const BINDING: &'static str = "CHANNEL";
    type Key = ChannelKey;
    type Request = Question;
    type Reply = channel::Reply;

    fn name(key: &ChannelKey) -> String {
        // JSON keeps the parts of the key apart, whatever is in them.
        json!([key.app_id, key.channel]).to_string()
    }
}
