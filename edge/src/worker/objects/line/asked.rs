//! What a node asks over its line. What is answered is counted, as are requests.

use protocol::line::EdgeAnswer;
use protocol::{ChannelNews, FollowQuestion, Heartbeat, JobRequest, Refusal, Report};
use worker::Env;

use crate::metrics::Route;
use crate::worker::objects::{channel, counting, from_nodes};

pub(super) async fn beat(heartbeat: Heartbeat, env: &Env) -> String {
    let answer = from_nodes::heartbeat(heartbeat, env).await;
    text(counted(Route::Heartbeat, answer).map(EdgeAnswer::Beat))
}

pub(super) async fn report(report: Box<Report>, env: &Env) -> String {
    let answer = from_nodes::report(report, env).await;
    text(counted(Route::Report, answer).map(EdgeAnswer::Report))
}

/// The job is handed on as the recorder has written it.
pub(super) async fn job(request: JobRequest, env: &Env) -> String {
    match counted(Route::Job, from_nodes::job(request, env).await) {
        Ok(job) => format!(r#"{{"job":{}}}"#, job.as_str()),
        Err(refusal) => text(Err(refusal)),
    }
}

pub(super) async fn channels(node_id: &str, news: ChannelNews, env: &Env) -> String {
    let answer = channel::told(node_id, news, env).await;
    text(counted(Route::Channels, answer).map(EdgeAnswer::Channels))
}

pub(super) async fn follow(node_id: &str, question: FollowQuestion, env: &Env) -> String {
    let answer = channel::followed(node_id, question, env).await;
    text(counted(Route::Follow, answer).map(EdgeAnswer::Follow))
}

fn counted<T>(route: Route, answer: Result<T, Refusal>) -> Result<T, Refusal> {
    let status = answer
        .as_ref()
        .map_or_else(|refusal| refusal.code.http_status(), |_| 200);
    counting::answered(route, status);
    answer
}

fn text(answer: Result<EdgeAnswer, Refusal>) -> String {
    let answer = answer.unwrap_or_else(EdgeAnswer::Refused);
    // Nothing in it cannot be written.
    serde_json::to_string(&answer).unwrap_or_default()
}
