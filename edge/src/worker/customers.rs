//! Requests of customers: the dialect reads them, the app's limits let them through, a recorder answers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use worker::{Context, Delay, Env, console_error};

use super::bindings::{self, Misconfigured};
use super::counting;
use super::objects::{App, Recorder, RecorderReply, RecorderRequest, ask};
use crate::access::Directory;
use crate::app::{self, Denial, Reply as AppReply, Verdict};
use crate::dialect::agora::{self, Admission, Handled, Pending, Received};
use crate::http::{Request, Response};
use crate::recording::{Reply, Request as CoreRequest};

/// For the `App` object to answer. It only counts; what takes longer is as good as no answer.
const ADMISSION_LIMIT: Duration = Duration::from_secs(2);

pub(super) async fn answer(request: &Request, env: &Env, context: &Context) -> Result<Response, Misconfigured> {
    let (store, keys) = (bindings::directory(env)?, bindings::seal_keys(env)?);
    let directory = Directory::new(&store, &keys);
    let (targets, now_ms) = (bindings::targets(env), bindings::now_ms());
    let admission = match agora::handle(request, &directory, targets, now_ms, &bindings::entropy()).await {
        Received::Handled(handled) => return Ok(carry_out(handled, env, context).await),
        Received::Admit(admission) => admission,
    };
    let verdict = verdict(&admission, env).await;
    match &verdict {
        None => counting::unlimited(),
        Some(Verdict {
            denial: Some(Denial::NoRoom { .. }),
            ..
        }) => counting::no_room(),
        Some(_) => {}
    }
    let response = carry_out(admission.decide(verdict.as_ref()), env, context).await;
    Ok(match &verdict {
        Some(verdict) => agora::with_limits(response, verdict),
        None => response,
    })
}

async fn carry_out(handled: Handled, env: &Env, context: &Context) -> Response {
    match handled {
        Handled::Respond(response) => response,
        Handled::Failed(error, response) => {
            console_error!("{error}");
            response
        }
        Handled::Call(pending) => call(&pending, env, context).await,
    }
}

async fn call(pending: &Pending, env: &Env, context: &Context) -> Response {
    let key = &pending.call.key;
    let request = RecorderRequest::Core(CoreRequest::Call(pending.call.clone()));
    match ask::<Recorder>(env, key, &request).await {
        Ok(RecorderReply::Core(Reply::Outcome(outcome))) => {
            if let Some(sid) = pending.unused_place(&outcome) {
                let (env, app_id, sid) = (env.clone(), key.app_id.clone(), sid.to_owned());
                // Nobody waits for it: what gets lost here lapses by itself.
                context.wait_until(async move {
                    let _ = ask::<App>(&env, &app_id, &app::Request::Release { sid }).await;
                });
            }
            pending.render(&outcome)
        }
        Ok(_) | Err(_) => pending.unreachable(),
    }
}

async fn verdict(admission: &Admission, env: &Env) -> Option<Verdict> {
    let request = app::Request::Admit(admission.admit.clone());
    let asked = ask::<App>(env, &admission.app_id, &request);
    match within(ADMISSION_LIMIT, asked).await {
        Some(Ok(AppReply::Verdict(verdict))) => Some(verdict),
        Some(_) => None,
        None => {
            console_error!("APP did not answer within {ADMISSION_LIMIT:?}");
            None
        }
    }
}

/// The future's output, if it comes in time.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let (mut future, mut delay) = (pin!(future), pin!(Delay::from(limit)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => delay.as_mut().poll(context).map(|()| None),
    })
    .await
}
