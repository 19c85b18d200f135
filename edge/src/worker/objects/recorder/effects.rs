use worker::{Env, console_error};

use crate::fleet::{self, Wish};
use crate::recording::{Effect, Input, NodeAnswer, tag};
use crate::worker::{bindings, nodes, objects};

/// Carries out one effect; its result is the core's next input.
pub(super) async fn carry_out(effect: Effect, env: &Env) -> Option<Input> {
    match effect {
        // Carried out with the state's change.
        Effect::Reply { .. } | Effect::Answer { .. } | Effect::Note { .. } | Effect::Forget { .. } => None,
        Effect::Place {
            key,
            sid,
            epoch,
            exclude,
            preference,
        } => {
            let wish = Wish {
                sid: sid.clone(),
                recorder: tag(&key),
                exclude,
                region: preference.region.or_else(|| bindings::region(env)),
                avoid: preference.avoid,
            };
            let node = match objects::ask_fleet(env, &fleet::Request::Place(wish)).await {
                Ok(fleet::Reply::Place(node)) => node,
                Ok(_) | Err(_) => Err("the fleet did not answer".to_owned()),
            };
            Some(Input::Placed { sid, epoch, node })
        }
        Effect::SendJob { url, job } => {
            let answer = match bindings::node_token(env) {
                Ok(token) => nodes::put_job(&url, &job, &token).await,
                Err(error) => unsent(&error),
            };
            Some(Input::JobAnswered {
                sid: job.sid,
                epoch: job.epoch,
                answer,
            })
        }
        Effect::SendDesired {
            url,
            sid,
            desired,
            wait_ms,
        } => {
            let answer = match bindings::node_token(env) {
                Ok(token) => nodes::post_desired(&url, &sid, &desired, wait_ms, &token).await,
                Err(error) => unsent(&error),
            };
            Some(Input::DesiredAnswered { sid, desired, answer })
        }
        Effect::Publish {
            revision,
            snapshot,
            expires_ms,
        } => {
            let written = match bindings::directory(env) {
                Ok(store) => {
                    let put = store.put_session(&snapshot, expires_ms, bindings::now_ms()).await;
                    put.map_err(|error| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = &written {
                console_error!("the session document of {} was not written: {error}", snapshot.sid);
            }
            Some(Input::Published {
                sid: snapshot.sid,
                revision,
                ok: written.is_ok(),
            })
        }
    }
}

fn unsent(error: &bindings::Misconfigured) -> NodeAnswer {
    console_error!("no node can be called: {error}");
    NodeAnswer::Unreachable
}
