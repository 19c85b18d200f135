use protocol::EndCause;
use worker::{Env, console_error};

use super::deliveries::Receivers;
use super::{reach, whole};
use crate::app::{self, News};
use crate::channel::ChannelKey;
use crate::fleet::{self, Wish};
use crate::recording::{Delivery, Effect, Input, RecordingView, tag};
use crate::worker::bindings;
use crate::worker::objects::app_of::AppOf;
use crate::worker::objects::ask::ask;
use crate::worker::objects::channel_questions;
use crate::worker::objects::counting;
use crate::worker::objects::fleet_of::FleetOf;
use crate::worker::objects::platform::Platform;

/// Carries out one effect; its result is the core's next input.
pub(super) async fn carry_out(effect: Effect, receivers: &Receivers, platform: &Platform) -> Option<Input> {
    let env = platform.env();
    match effect {
        // Carried out with the state's change.
        Effect::Reply { .. } | Effect::Answer { .. } | Effect::Note { .. } | Effect::Forget { .. } => None,
        Effect::Deliver { subject, position } => {
            let result = receivers.deliver(&subject, position, platform).await?;
            counting::count(|counts| counts.notices.tried(&result));
            if let Some(sending) = counting::sending(env) {
                platform.spawn(sending);
            }
            if let Delivery::Failed { error, .. } = &result {
                console_error!("an event of recording {} was not delivered: {error}", subject.sid);
            }
            Some(Input::Delivered {
                sid: subject.sid,
                position,
                result,
                chance: u32::from_le_bytes(bindings::random()),
            })
        }
        Effect::Place {
            key,
            sid,
            epoch,
            exclude,
            preference,
        } => {
            let recorder = tag(&key);
            let channel = ChannelKey {
                app_id: key.app_id,
                channel: key.channel,
            };
            let wish = Wish {
                sid: sid.clone(),
                recorder,
                exclude,
                region: preference.region,
                home: bindings::region(env),
                carriers: channel_questions::carriers(channel, env).await,
                avoid: preference.avoid,
            };
            let node = match ask::<FleetOf>(env, &(), &fleet::Request::Place(wish)).await {
                Ok(fleet::Reply::Place(node)) => node,
                Ok(_) | Err(_) => Err("the fleet did not answer".to_owned()),
            };
            Some(Input::Placed { sid, epoch, node })
        }
        Effect::SendJob { node, job } => {
            let (answer, line) = reach::send_job(&node, &job, env).await;
            Some(Input::JobAnswered {
                sid: job.sid,
                epoch: job.epoch,
                answer,
                line,
            })
        }
        Effect::SendDesired {
            node,
            sid,
            desired,
            wait_ms,
        } => {
            let answer = reach::send_desired(&node, &sid, &desired, wait_ms, env).await;
            Some(Input::DesiredAnswered { sid, desired, answer })
        }
        Effect::Look {
            key,
            sid,
            node_id,
            line,
        } => reach::look(&node_id, line, key, &sid, env).await.map(Input::Looked),
        Effect::Publish {
            revision,
            document,
            view,
            awaited,
            held_up,
            nonce,
            expires_ms,
        } => {
            let news = News::of(&view, revision, nonce, held_up, awaited, expires_ms);
            let told = ask::<AppOf>(env, &view.key.app_id, &app::Request::News(Box::new(news))).await;
            let told = told.is_ok() && whole::join(&view, env).await;
            let written = !document || write_session(&view, expires_ms, env).await;
            let heard = tell_channel(&view, env).await;
            Some(Input::Published {
                sid: view.sid,
                revision,
                ok: written && heard && told,
            })
        }
    }
}

/// The channel of a recording hears of its end, which may have to be followed by another one.
async fn tell_channel(view: &RecordingView, env: &Env) -> bool {
    let Some(cause) = view.cause else {
        return true;
    };
    let channel = ChannelKey {
        app_id: view.key.app_id.clone(),
        channel: view.key.channel.clone(),
    };
    channel_questions::ended(channel, view.sid.clone(), cause == EndCause::Stopped, env).await
}

async fn write_session(view: &RecordingView, expires_ms: u64, env: &Env) -> bool {
    let written = match bindings::directory(env) {
        Ok(store) => {
            let put = store.put_session(view, expires_ms, bindings::now_ms()).await;
            put.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = &written {
        console_error!("the session document of {} was not written: {error}", view.sid);
    }
    written.is_ok()
}
