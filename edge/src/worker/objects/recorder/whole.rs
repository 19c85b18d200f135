//! Has the files of a recording joined where its API hands out one: a node that was lost has left it in parts.

use protocol::FileKind;
use worker::Env;

use crate::app;
use crate::dialect::Dialect;
use crate::joining;
use crate::recording::{RecordingView, Standing};
use crate::worker::apps;
use crate::worker::objects::app_of::AppOf;
use crate::worker::objects::ask::ask;
use crate::worker::objects::joiner::Joiner;

/// To be called when the app's index knows the recording. True when there is nothing to be done, or it has begun.
pub(super) async fn join(view: &RecordingView, env: &Env) -> bool {
    let files = view.files.iter().filter(|file| file.kind != FileKind::Playlist);
    if view.house.is_none() || view.standing != Standing::Done || files.count() < 2 {
        return true;
    }
    let app_id = &view.key.app_id;
    let dialect = match apps::find(app_id, env).await {
        Ok(app) => app.and_then(|app| Dialect::named(&app.dialect)),
        Err(_) => return false,
    };
    // The index knows whether they have been joined already.
    let find = app::Request::Find { sid: view.sid.clone() };
    let listed = match ask::<AppOf>(env, app_id, &find).await {
        Ok(app::Reply::Find(listed)) => listed,
        Ok(_) | Err(_) => return false,
    };
    match dialect.zip(listed).and_then(|(dialect, listed)| dialect.whole(&listed)) {
        Some(order) => {
            let request = joining::Request::Begin(Box::new(order.clone()));
            ask::<Joiner>(env, &order, &request).await.is_ok()
        }
        None => true,
    }
}
