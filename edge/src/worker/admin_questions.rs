//! What the admin API asks of the objects.

use worker::{Env, console_error};

use super::kv::KvStore;
use super::objects;
use crate::access::Page;
use crate::admin::{self, Question};
use crate::fleet;
use crate::http::Response;
use crate::recording::{Call, Command, Outcome, Reply, Request, Stop, Target};

pub(super) async fn answer(question: Question, store: &KvStore, env: &Env) -> Response {
    match question {
        Question::Nodes => match objects::ask_fleet(env, &fleet::Request::Nodes).await {
            Ok(fleet::Reply::Nodes(items)) => admin::page(&Page { items, cursor: None }),
            Ok(_) | Err(_) => admin::failure(),
        },
        Question::Recordings { app_id, limit, cursor } => {
            match store.sessions(&app_id, limit, cursor.as_deref()).await {
                Ok(page) => admin::page(&page),
                Err(error) => {
                    console_error!("{error}");
                    admin::failure()
                }
            }
        }
        Question::Recording { app_id, sid } => one(&app_id, &sid, Command::Query, store, env).await,
        Question::Stop { app_id, sid } => {
            let stop = |target| Command::Stop(Stop { target, at_once: true });
            one(&app_id, &sid, stop, store, env).await
        }
    }
}

/// The session document tells which recorder has the recording; the recorder tells the newest state, and when it has
/// forgotten the recording, the document is the last that is known.
async fn one(app_id: &str, sid: &str, command: impl FnOnce(Target) -> Command, store: &KvStore, env: &Env) -> Response {
    let snapshot = match store.session(app_id, sid).await {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => {
            return admin::recording(&Outcome::NotFound {
                reason: "no such recording".to_owned(),
            });
        }
        Err(error) => {
            console_error!("{error}");
            return admin::failure();
        }
    };
    let command = command(Target {
        sid: sid.to_owned(),
        nonce: None,
    });
    let call = Call {
        key: snapshot.key.clone(),
        command,
    };
    match objects::ask_recorder(env, &snapshot.key, &Request::Call(call)).await {
        Ok(Reply::Outcome(outcome)) if matches!(*outcome, Outcome::NotFound { .. }) => {
            admin::recording(&Outcome::State(Box::new(snapshot)))
        }
        Ok(Reply::Outcome(outcome)) => admin::recording(&outcome),
        Ok(_) | Err(_) => admin::failure(),
    }
}
