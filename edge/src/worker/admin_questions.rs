//! What the admin API asks of the objects.

use protocol::RecorderKey;
use worker::{Env, console_error};

use super::kv::KvStore;
use super::live_channels;
use super::objects::{AppOf, FleetOf, LineOf, Node, Recorder, RecorderReply, RecorderRequest, ask};
use super::webhooks::Calling;
use crate::access::Page;
use crate::admin::{self, Question};
use crate::app;
use crate::dialect::{self, Dialect};
use crate::fleet;
use crate::http::Response;
use crate::line;
use crate::node;
use crate::recording::{Call, Command, Notice, Outcome, RecordingView, Reply, Request, Stop, Target};

pub(super) async fn answer(question: Question, store: &KvStore, env: &Env) -> Response {
    match question {
        Question::Nodes => match ask::<FleetOf>(env, &(), &fleet::Request::Nodes).await {
            Ok(fleet::Reply::Nodes(items)) => admin::page(&Page { items, cursor: None }),
            Ok(_) | Err(_) => admin::failure(),
        },
        Question::NodeTokens { node_id } => match ask::<Node>(env, &node_id, &node::Request::Tokens).await {
            Ok(node::Reply::Tokens(items)) => admin::tokens(items),
            Ok(_) | Err(_) => admin::failure(),
        },
        Question::AddNodeToken { node_id, held, token } => {
            match ask::<Node>(env, &node_id, &node::Request::Add(held.clone())).await {
                Ok(node::Reply::Added(true)) => admin::added(Some((&held, &token))),
                Ok(node::Reply::Added(false)) => admin::added(None),
                Ok(_) | Err(_) => admin::failure(),
            }
        }
        Question::RevokeNodeToken { node_id, id } => {
            match ask::<Node>(env, &node_id, &node::Request::Revoke { id: id.clone() }).await {
                Ok(node::Reply::Revoked(there_was)) => {
                    close_line(&node_id, env).await;
                    admin::revoked(&id, there_was)
                }
                Ok(_) | Err(_) => admin::failure(),
            }
        }
        Question::Channels { app_id, channel } => live_channels::channels(app_id, channel, env).await,
        Question::RemoveUser(removal) => live_channels::remove(removal, env).await,
        Question::Usage { app_id, limits } => match ask::<AppOf>(env, &app_id, &app::Request::Usage { limits }).await {
            Ok(app::Reply::Usage(view)) => admin::usage(&view),
            Ok(_) | Err(_) => admin::failure(),
        },
        Question::Recordings { app_id, filter } => {
            match ask::<AppOf>(env, &app_id, &app::Request::List(filter)).await {
                Ok(app::Reply::List { items, next, .. }) => admin::recordings(items, next.as_ref()),
                Ok(_) | Err(_) => admin::failure(),
            }
        }
        Question::Recording { app_id, sid } => match one(&app_id, &sid, Command::Query, store, env).await {
            Ok((key, outcome)) => match ask::<Recorder>(env, &key, &RecorderRequest::History { sid }).await {
                Ok(RecorderReply::History(history)) => admin::recording(&outcome, Some(&history)),
                Ok(_) | Err(_) => admin::failure(),
            },
            Err(response) => made(&app_id, &sid, env).await.unwrap_or(response),
        },
        Question::Stop { app_id, sid } => {
            let stop = |target| Command::Stop(Stop { target, at_once: true });
            match one(&app_id, &sid, stop, store, env).await {
                Ok((_, outcome)) => admin::recording(&outcome, None),
                Err(response) => response,
            }
        }
        Question::Erase { app_id, sid } => {
            match ask::<AppOf>(env, &app_id, &app::Request::Erase { sid: sid.clone() }).await {
                Ok(app::Reply::Erase(erasing)) => admin::erasing(erasing, &sid),
                Ok(_) | Err(_) => admin::failure(),
            }
        }
        Question::GiveUp { app_id, sid } => {
            let request = RecorderRequest::Core(Request::GiveUp { sid: sid.clone() });
            match of_recording(&app_id, &sid, &request, store, env).await {
                Ok(RecorderReply::Core(Reply::GaveUp(gave_up))) => admin::given_up(gave_up),
                Ok(_) => admin::failure(),
                Err(response) => response,
            }
        }
        Question::Notices {
            app_id,
            dialect,
            sid,
            limit,
            after,
            state,
        } => {
            let request = RecorderRequest::Notices {
                sid: sid.clone(),
                after,
                state,
                limit,
            };
            let names = |notice: &Notice| {
                let id = dialect::notice_id(&sid, notice.number);
                (id, dialect.event_type(&notice.event))
            };
            match of_recording(&app_id, &sid, &request, store, env).await {
                Ok(RecorderReply::Notices(lines)) => admin::notices(lines, limit, names),
                Ok(_) => admin::failure(),
                Err(response) => response,
            }
        }
        Question::Replay { app_id, sid, which } => {
            let request = RecorderRequest::Replay {
                sid: sid.clone(),
                which,
            };
            match of_recording(&app_id, &sid, &request, store, env).await {
                Ok(RecorderReply::Core(Reply::Replayed { count })) => admin::replayed(count, which),
                Ok(_) => admin::failure(),
                Err(response) => response,
            }
        }
        Question::TestCallback {
            app_id,
            dialect,
            callback,
        } => {
            let Some(dialect) = Dialect::named(&dialect) else {
                return admin::failure();
            };
            let calling = Calling::new(dialect, callback);
            admin::tested(&calling.test(&app_id, env).await)
        }
    }
}

/// What the recorder of a recording says about it, even when the app has forgotten the recording.
async fn of_recording(
    app_id: &str,
    sid: &str,
    request: &RecorderRequest,
    store: &KvStore,
    env: &Env,
) -> Result<RecorderReply, Response> {
    let key = match find(app_id, sid, env).await? {
        Some(key) => key,
        None => document(app_id, sid, store).await?.key,
    };
    let reply = ask::<Recorder>(env, &key, request).await;
    reply.map_err(|_| admin::failure())
}

/// One that is made of others.
async fn made(app_id: &str, sid: &str, env: &Env) -> Option<Response> {
    let request = app::Request::Find { sid: sid.to_owned() };
    match ask::<AppOf>(env, app_id, &request).await {
        Ok(app::Reply::Find(Some(listed))) => listed.made.is_some().then(|| admin::made(&listed)),
        Ok(_) | Err(_) => None,
    }
}

/// Which recorder has the recording, by the app's index.
async fn find(app_id: &str, sid: &str, env: &Env) -> Result<Option<RecorderKey>, Response> {
    match ask::<AppOf>(env, app_id, &app::Request::Find { sid: sid.to_owned() }).await {
        Ok(app::Reply::Find(listed)) => Ok(listed.map(|listed| listed.key)),
        Ok(_) | Err(_) => Err(admin::failure()),
    }
}

async fn document(app_id: &str, sid: &str, store: &KvStore) -> Result<RecordingView, Response> {
    match store.session(app_id, sid).await {
        Ok(Some(view)) => Ok(view),
        Ok(None) => {
            let reason = "no such recording".to_owned();
            Err(admin::recording(&Outcome::NotFound { reason }, None))
        }
        Err(error) => {
            console_error!("{error}");
            Err(admin::failure())
        }
    }
}

/// The recorder tells the newest state; when the app or the recorder has forgotten the recording, the session document is
/// the last that is known.
async fn one(
    app_id: &str,
    sid: &str,
    command: impl FnOnce(Target) -> Command,
    store: &KvStore,
    env: &Env,
) -> Result<(RecorderKey, Outcome), Response> {
    if let Some(key) = find(app_id, sid, env).await? {
        let command = command(Target {
            sid: sid.to_owned(),
            nonce: None,
        });
        let call = Call {
            key: key.clone(),
            command,
        };
        let request = RecorderRequest::Core(Request::Call(call));
        match ask::<Recorder>(env, &key, &request).await {
            Ok(RecorderReply::Core(Reply::Outcome(outcome))) if matches!(*outcome, Outcome::NotFound { .. }) => {}
            Ok(RecorderReply::Core(Reply::Outcome(outcome))) => return Ok((key, *outcome)),
            Ok(_) | Err(_) => return Err(admin::failure()),
        }
    }
    let view = document(app_id, sid, store).await?;
    Ok((view.key.clone(), Outcome::State(Box::new(view))))
}

/// What a line was opened with is not known any more: a node that still has a good token opens another one at once.
async fn close_line(node_id: &str, env: &Env) {
    let reason = "a token of this node has been revoked".to_owned();
    if ask::<LineOf>(env, node_id, &line::Request::Close { reason })
        .await
        .is_err()
    {
        console_error!("the line of node {node_id} stays open until it breaks");
    }
}
