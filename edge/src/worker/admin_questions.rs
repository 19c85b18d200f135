//! What the admin API asks of the objects.

use worker::{Env, console_error};

use super::kv::KvStore;
use super::objects;
use crate::access::Page;
use crate::admin::{self, Question};
use crate::app;
use crate::fleet;
use crate::http::Response;
use crate::recording::{Call, Command, Outcome, Reply, Request, Stop, Target};

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
        Question::Recording { app_id, sid } => one(&app_id, &sid, Command::Query, store, env).await,
        Question::Stop { app_id, sid } => {
            let stop = |target| Command::Stop(Stop { target, at_once: true });
            one(&app_id, &sid, stop, store, env).await
        }
    }
}

/// The app's index tells which recorder has the recording; the recorder tells the newest state, and when it has forgotten
/// the recording, the session document is the last that is known.
async fn one(app_id: &str, sid: &str, command: impl FnOnce(Target) -> Command, store: &KvStore, env: &Env) -> Response {
    let find = app::Request::Find { sid: sid.to_owned() };
    let listed = match objects::ask_app(env, app_id, &find).await {
        Ok(app::Reply::Find(listed)) => listed,
        Ok(_) | Err(_) => return admin::failure(),
    };
    if let Some(listed) = listed {
        let command = command(Target {
            sid: sid.to_owned(),
            nonce: None,
        });
        let call = Call {
            key: listed.key.clone(),
            command,
        };
        match objects::ask_recorder(env, &listed.key, &Request::Call(call)).await {
            Ok(Reply::Outcome(outcome)) if !matches!(*outcome, Outcome::NotFound { .. }) => {
                return admin::recording(&outcome);
            }
            Ok(Reply::Outcome(_)) => {}
            Ok(_) | Err(_) => return admin::failure(),
        }
    }
    match store.session(app_id, sid).await {
        Ok(Some(snapshot)) => admin::recording(&Outcome::State(Box::new(snapshot))),
        Ok(None) => admin::recording(&Outcome::NotFound {
            reason: "no such recording".to_owned(),
        }),
        Err(error) => {
            console_error!("{error}");
            admin::failure()
        }
    }
}
