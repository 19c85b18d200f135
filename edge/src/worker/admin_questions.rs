//! What the admin API asks of the objects.

use protocol::RecorderKey;
use serde_json::Value;
use worker::{Env, console_error};

use super::kv::KvStore;
use super::objects::{self, LogQuestion};
use super::webhooks::Receiver;
use crate::access::Page;
use crate::admin::{self, Question};
use crate::app;
use crate::dialect::Dialect;
use crate::fleet;
use crate::http::Response;
use crate::recording::{Call, Command, Outcome, Reply, Request, Snapshot, Stop, Target};

pub(super) async fn answer(question: Question, store: &KvStore, env: &Env) -> Response {
    match question {
        Question::Nodes => match objects::ask_fleet(env, &fleet::Request::Nodes).await {
            Ok(fleet::Reply::Nodes(items)) => admin::page(&Page { items, cursor: None }),
            Ok(_) | Err(_) => admin::failure(),
        },
        Question::Usage { app_id, limits } => {
            match objects::ask_app(env, &app_id, &app::Request::Usage { limits }).await {
                Ok(app::Reply::Usage(view)) => admin::usage(&view),
                Ok(_) | Err(_) => admin::failure(),
            }
        }
        Question::Recordings { app_id, filter } => {
            match objects::ask_app(env, &app_id, &app::Request::List(filter)).await {
                Ok(app::Reply::List { items, next }) => admin::recordings(items, next.as_ref()),
                Ok(_) | Err(_) => admin::failure(),
            }
        }
        Question::Recording { app_id, sid } => match one(&app_id, &sid, Command::Query, store, env).await {
            Ok((key, outcome)) => match objects::ask_log(env, &key, LogQuestion::History { sid }).await {
                Ok(history) => admin::recording(&outcome, Some(&history)),
                Err(_) => admin::failure(),
            },
            Err(response) => response,
        },
        Question::Stop { app_id, sid } => {
            let stop = |target| Command::Stop(Stop { target, at_once: true });
            match one(&app_id, &sid, stop, store, env).await {
                Ok((_, outcome)) => admin::recording(&outcome, None),
                Err(response) => response,
            }
        }
        Question::Notices {
            app_id,
            sid,
            limit,
            after,
            state,
        } => {
            let question = LogQuestion::Notices {
                sid: sid.clone(),
                after,
                state,
                limit,
            };
            match of_recording(&app_id, &sid, question, store, env).await {
                Ok(page) => Response::json(200, &page),
                Err(response) => response,
            }
        }
        Question::Replay { app_id, sid, which } => {
            let question = LogQuestion::Replay {
                sid: sid.clone(),
                which,
            };
            match of_recording(&app_id, &sid, question, store, env).await {
                Ok(answer) => admin::replayed(&answer, which),
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
            let receiver = Receiver { dialect, callback };
            admin::tested(&receiver.test(&app_id, env).await)
        }
    }
}

/// What the log of a recording says.
async fn of_recording(
    app_id: &str,
    sid: &str,
    question: LogQuestion,
    store: &KvStore,
    env: &Env,
) -> Result<Value, Response> {
    let key = match find(app_id, sid, env).await? {
        Some(key) => key,
        None => document(app_id, sid, store).await?.key,
    };
    let answer = objects::ask_log(env, &key, question).await;
    answer.map_err(|_| admin::failure())
}

/// Which recorder has the recording, by the app's index.
async fn find(app_id: &str, sid: &str, env: &Env) -> Result<Option<RecorderKey>, Response> {
    match objects::ask_app(env, app_id, &app::Request::Find { sid: sid.to_owned() }).await {
        Ok(app::Reply::Find(listed)) => Ok(listed.map(|listed| listed.key)),
        Ok(_) | Err(_) => Err(admin::failure()),
    }
}

async fn document(app_id: &str, sid: &str, store: &KvStore) -> Result<Snapshot, Response> {
    match store.session(app_id, sid).await {
        Ok(Some(snapshot)) => Ok(snapshot),
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
        match objects::ask_recorder(env, &key, &Request::Call(call)).await {
            Ok(Reply::Outcome(outcome)) if matches!(*outcome, Outcome::NotFound { .. }) => {}
            Ok(Reply::Outcome(outcome)) => return Ok((key, *outcome)),
            Ok(_) | Err(_) => return Err(admin::failure()),
        }
    }
    let snapshot = document(app_id, sid, store).await?;
    Ok((snapshot.key.clone(), Outcome::State(Box::new(snapshot))))
}
