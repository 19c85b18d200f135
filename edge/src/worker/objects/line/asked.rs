//! What a node asks over its line. What is answered is counted, as are requests.

use protocol::line::EdgeAnswer;
use protocol::{
    ChannelNews, EntryQuestion, FollowQuestion, Heartbeat, HeartbeatAnswer, JobRequest, Refusal, Report, RoomNews,
};
use worker::Env;

use crate::line::LineNumber;
use crate::metrics::Route;
use crate::worker::objects::{channel_questions, counting, from_nodes};

/// An answer, and whether it is no refusal.
pub(super) type Answer = (String, bool);

/// `every_ms`: when the next one is due, if not as the fleet says.
pub(super) async fn beat(heartbeat: Heartbeat, every_ms: Option<u64>, env: &Env) -> Answer {
    let answer = match every_ms {
        None => from_nodes::heartbeat(heartbeat, env).await,
        Some(interval_ms) => {
            let answer = from_nodes::vouched(heartbeat, env).await;
            answer.map(|_| HeartbeatAnswer { interval_ms })
        }
    };
    text(counted(Route::Heartbeat, answer).map(EdgeAnswer::Beat))
}

pub(super) async fn report(report: Box<Report>, line: Option<LineNumber>, env: &Env) -> Answer {
    let answer = from_nodes::report(report, line, env).await;
    text(counted(Route::Report, answer).map(EdgeAnswer::Report))
}

/// The job is handed on as the recorder has written it.
pub(super) async fn job(request: JobRequest, line: Option<LineNumber>, env: &Env) -> Answer {
    match counted(Route::Job, from_nodes::job(request, line, env).await) {
        Ok(job) => (format!(r#"{{"job":{}}}"#, job.as_str()), true),
        Err(refusal) => text(Err(refusal)),
    }
}

pub(super) async fn entry(question: EntryQuestion, env: &Env) -> Answer {
    let answer = from_nodes::entry(&question, env).await;
    text(counted(Route::Entry, answer).map(EdgeAnswer::Entry))
}

pub(super) async fn channels(node_id: &str, news: ChannelNews, env: &Env) -> Answer {
    let answer = channel_questions::told(node_id, news, env).await;
    text(counted(Route::Channels, answer).map(EdgeAnswer::Channels))
}

pub(super) async fn follow(node_id: &str, question: FollowQuestion, env: &Env) -> Answer {
    let answer = channel_questions::followed(node_id, question, env).await;
    text(counted(Route::Follow, answer).map(EdgeAnswer::Follow))
}

pub(super) async fn room(node_id: String, news: RoomNews, env: &Env) -> Answer {
    let answer = from_nodes::room(node_id, news, env).await;
    text(counted(Route::Room, answer).map(|()| EdgeAnswer::Noted))
}

fn counted<T>(route: Route, answer: Result<T, Refusal>) -> Result<T, Refusal> {
    let status = answer
        .as_ref()
        .map_or_else(|refusal| refusal.code.http_status(), |_| 200);
    counting::answered(route, status);
    answer
}

fn text(answer: Result<EdgeAnswer, Refusal>) -> Answer {
    let ok = answer.is_ok();
    let answer = answer.unwrap_or_else(EdgeAnswer::Refused);
    // Nothing in it cannot be written.
    (serde_json::to_string(&answer).unwrap_or_default(), ok)
}
