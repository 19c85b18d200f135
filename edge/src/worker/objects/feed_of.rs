use worker::Env;

use super::ask::{Object, Unanswered, ask};
use crate::gateway::feed;

/// Asks the feed of an app.
pub(super) async fn ask_feed(app_id: &str, request: feed::Request, env: &Env) -> Result<feed::Reply, Unanswered> {
    let question = feed::Question {
        app_id: app_id.to_owned(),
        request,
    };
    ask::<FeedOf>(env, app_id, &question).await
}

/// How the object that numbers what happens in an app is asked.
pub(super) enum FeedOf {}

impl Object for FeedOf {
    const BINDING: &'static str = "FEED";
    /// The app's id.
    type Key = str;
    type Request = feed::Question;
    type Reply = feed::Reply;

    fn name(app_id: &str) -> String {
        serde_json::json!([app_id]).to_string()
    }
}
