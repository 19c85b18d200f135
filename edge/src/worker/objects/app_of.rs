use super::ask::Object;
use crate::app;

/// How the object that keeps what one app uses is asked.
pub(in crate::worker) enum AppOf {}

impl Object for AppOf {
    const BINDING: &'static str = "APP";
    /// The app's id.
    type Key = str;
    type Request = app::Request;
    type Reply = app::Reply;

    fn name(app_id: &str) -> String {
        app_id.to_owned()
    }
}
