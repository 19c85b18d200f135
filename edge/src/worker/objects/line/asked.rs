//! What a node asks over its line. What is answered is counted, as are requests.

use protocol::line::EdgeAnswer;
use protocol::{Heartbeat, JobRequest, Refusal, Report};
use worker::Env;

use crate::metrics::Route;
use crate::worker::objects::{counting, from_nodes};

pub(super) async fn beat(heartbeat: Heartbeat, env: &Env) -> EdgeAnswer {
    let answer = from_nodes::heartbeat(heartbeat, env).await;
    counted(Route::Heartbeat, answer.map(EdgeAnswer::Beat))
}

pub(super) async fn report(report: Box<Report>, env: &Env) -> EdgeAnswer {
    let answer = from_nodes::report(report, env).await;
    counted(Route::Report, answer.map(EdgeAnswer::Report))
}

pub(super) async fn job(request: JobRequest, env: &Env) -> EdgeAnswer {
    let job = match from_nodes::job(request, env).await {
        Ok(job) => serde_json::from_slice(job.as_str().as_bytes()).map_err(|_| from_nodes::unavailable()),
        Err(refusal) => Err(refusal),
    };
    counted(Route::Job, job.map(EdgeAnswer::Job))
}

fn counted(route: Route, answer: Result<EdgeAnswer, Refusal>) -> EdgeAnswer {
    let status = answer
        .as_ref()
        .map_or_else(|refusal| from_nodes::status(refusal.code), |_| 200);
    counting::answered(route, status);
    answer.unwrap_or_else(EdgeAnswer::Refused)
}
