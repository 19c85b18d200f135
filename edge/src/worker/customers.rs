//! Requests of customers: the dialect reads them, the app's limits let them through, a recorder answers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use worker::{Context, Delay, Env, console_error};

use super::bindings::{self, Misconfigured};
use super::objects::counting;
use super::objects::{AppOf, Gateway, Joiner, Recorder, RecorderReply, RecorderRequest, Upload, ask};
use super::{rooms, uploads};
use crate::access::Directory;
use crate::app::{self, Denial, Reply as AppReply, Verdict};
use crate::dialect::{Admission, LookUp, Pending, Routed, Server, Step};
use crate::http::Response;
use crate::joining;
use crate::recording::{Reply, Request as CoreRequest};
use crate::upload::Problem;

/// For the `App` object to answer. It only counts; what takes longer is as good as no answer.
const ADMISSION_LIMIT: Duration = Duration::from_secs(2);

/// `body`: the request whose body has a file that was not read yet.
pub(super) async fn answer(
    routed: Routed<'_>,
    mut body: Option<worker::Request>,
    env: &Env,
    context: &Context,
) -> Result<Response, Misconfigured> {
    let (store, keys) = (bindings::directory(env)?, bindings::seal_keys(env)?);
    let directory = Directory::new(&store, &keys);
    let public_url = bindings::public_url(env);
    let server = Server {
        directory: &directory,
        public_url: public_url.as_deref(),
        targets: bindings::targets(env),
        now_ms: bindings::now_ms(),
        entropy: &bindings::entropy(),
    };
    let mut step = routed.handle(&server).await;
    loop {
        step = match step {
            Step::Respond(response) => {
                if let Some(unread) = body.take() {
                    uploads::drain(unread).await;
                }
                return Ok(response);
            }
            Step::Failed(error, response) => {
                console_error!("{error}");
                return Ok(response);
            }
            Step::Admit(admission) => admit(*admission, env).await,
            Step::Call(pending) => call(&pending, env, context).await,
            Step::Index(look_up) => look(*look_up, env).await,
            Step::Save(saving) => {
                let saved = directory.save(&saving.setting, &server.entropy.nonce).await;
                saving.saved(saved)
            }
            Step::Gateway(entrance) => {
                let reply = ask::<Gateway>(env, &entrance.tenant, &entrance.request).await;
                entrance.answered(reply.ok())
            }
            Step::Room(visit) => {
                let told = rooms::told(visit.ask.clone(), env).await;
                visit.answered(told)
            }
            Step::Upload(sending) => {
                let question = &sending.question;
                let reply = ask::<Upload>(env, &question.record_id, question).await;
                sending.answered(reply.ok())
            }
            Step::Receive(receiving) => {
                let sizes = uploads::receive(&receiving, body.take(), env).await;
                if let Err(Problem::Store(error)) = &sizes {
                    console_error!("an upload is not stored: {error}");
                }
                receiving.received(sizes)
            }
            Step::Join(joining) => {
                let mut begun = true;
                for order in &joining.orders {
                    let request = joining::Request::Begin(Box::new(order.clone()));
                    begun &= ask::<Joiner>(env, order, &request).await.is_ok();
                }
                joining.answered(begun)
            }
        };
    }
}

async fn admit(admission: Admission, env: &Env) -> Step {
    let verdict = verdict(&admission, env).await;
    match &verdict {
        None => counting::unlimited(),
        Some(Verdict {
            denial: Some(Denial::NoRoom { .. }),
            ..
        }) => counting::no_room(),
        Some(_) => {}
    }
    admission.decide(verdict.as_ref())
}

async fn call(pending: &Pending, env: &Env, context: &Context) -> Step {
    let key = &pending.call.key;
    let request = RecorderRequest::Core(CoreRequest::Call(pending.call.clone()));
    match ask::<Recorder>(env, key, &request).await {
        Ok(RecorderReply::Core(Reply::Outcome(outcome))) => {
            if let Some(sid) = pending.unused_place(&outcome) {
                let (env, app_id, sid) = (env.clone(), key.app_id.clone(), sid.to_owned());
                // Nobody waits for it: what gets lost here lapses by itself.
                context.wait_until(async move {
                    let _ = ask::<AppOf>(&env, &app_id, &app::Request::Release { sid }).await;
                });
            }
            pending.answered(Some(&outcome))
        }
        Ok(_) | Err(_) => pending.answered(None),
    }
}

async fn look(look_up: LookUp, env: &Env) -> Step {
    let reply = ask::<AppOf>(env, &look_up.app_id, &look_up.request).await;
    look_up.answered(reply.ok())
}

async fn verdict(admission: &Admission, env: &Env) -> Option<Verdict> {
    let request = app::Request::Admit(admission.admit.clone());
    let asked = ask::<AppOf>(env, &admission.app_id, &request);
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
