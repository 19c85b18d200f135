//! Whom the object asks: the fleet for a node, the node, and the callbacks.

use protocol::line::{EdgeAsk, NodeAnswer, OLDEST};
use protocol::{Fault, Joining, JoiningPart, RecordedFile, Refusal, RefusalCode, Storage};
use worker::{Env, console_error};

use crate::access::{App, HouseStorage};
use crate::dialect::{Dialect, Joined, NoticeTerms};
use crate::erasing;
use crate::fleet::{self, Wish};
use crate::joining::{Answer, Order, Waste};
use crate::line;
use crate::recording::{Delivery, tag};
use crate::upload;
use crate::worker::objects::ask::ask;
use crate::worker::objects::clearing;
use crate::worker::objects::fleet_of::FleetOf;
use crate::worker::objects::line_of::LineOf;
use crate::worker::{apps, bindings, webhooks};

/// For how long a node is told to wait with its answer, so that few questions are asked.
const WAIT_MS: u64 = 20_000;
/// Above that.
const LIMIT_MS: u64 = 5_000;

/// The id of a node that has room.
pub(super) async fn place(sid: String, exclude: Vec<String>, env: &Env) -> Result<String, String> {
    let wish = Wish {
        recorder: sid.clone(),
        sid,
        exclude,
        region: None,
        home: bindings::region(env),
        carriers: Vec::new(),
        avoid: Vec::new(),
    };
    match ask::<FleetOf>(env, &(), &fleet::Request::Place(wish)).await {
        Ok(fleet::Reply::Place(placed)) => placed.map(|node| node.id),
        Ok(_) | Err(_) => Err("the fleet did not answer".to_owned()),
    }
}

pub(super) async fn ask_node(node_id: &str, name: String, order: &Order, env: &Env) -> Answer {
    let joining = match app(order, env).await {
        Ok(app) => joining(&app, name, order),
        Err(error) => Err(Refusal::internal(error)),
    };
    let question = match joining {
        Ok(joining) if order.imports => EdgeAsk::Import(Box::new(joining)),
        Ok(joining) => EdgeAsk::Join(Box::new(joining)),
        Err(refusal) => return Answer::Refused(refusal),
    };
    let Ok(text) = serde_json::to_string(&question) else {
        return Answer::Refused(Refusal::internal("the question cannot be written"));
    };
    let request = line::Request::Ask {
        ask: text,
        limit_ms: WAIT_MS + LIMIT_MS,
        holding: None,
        // One that does not know the question says so.
        oldest: OLDEST,
    };
    match ask::<LineOf>(env, node_id, &request).await {
        Ok(line::Reply::Answer { answer, .. }) => match answer {
            NodeAnswer::Joined(joined) => Answer::Joined(*joined),
            NodeAnswer::Refused(refusal) => Answer::Refused(refusal),
            _ => Answer::Away,
        },
        Ok(_) | Err(_) => Answer::Away,
    }
}

/// What the node is asked, with the stores' keys.
fn joining(app: &App, name: String, order: &Order) -> Result<Joining, Refusal> {
    let gone = |what: &str| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason: format!("{what} is none of the app's stores any more"),
    };
    let own = app.house_storage.as_ref();
    let own = own.ok_or_else(|| gone("the recordings' store"))?;
    let to = own
        .find(&order.house.store)
        .ok_or_else(|| gone("the new file's store"))?;
    let mut stores = Vec::<(String, Storage)>::new();
    let mut parts = Vec::new();
    for part in &order.parts {
        let known = stores.iter().position(|(id, _)| *id == part.store);
        let store = match known {
            Some(known) => known,
            None => {
                let storage = own.find(&part.store).ok_or_else(|| gone("a file's store"))?;
                stores.push((part.store.clone(), storage.clone()));
                stores.len() - 1
            }
        };
        parts.push(JoiningPart {
            store: u32::try_from(store).unwrap_or(u32::MAX),
            key: part.key.clone(),
            bytes: part.bytes,
        });
    }
    Ok(Joining {
        sid: order.sid.clone(),
        stores: stores.into_iter().map(|(_, storage)| storage).collect(),
        parts,
        to: HouseStorage::place(to, &app.app_id, &order.sid),
        name,
        wait_ms: WAIT_MS,
    })
}

pub(super) async fn deliver(order: &Order, to: usize, result: &Result<RecordedFile, Refusal>, env: &Env) -> Delivery {
    let Some(told) = order.told.get(to) else {
        return Delivery::NoReceiver;
    };
    if let Err(refusal) = result {
        let recorder = tag(&order.key);
        console_error!("files are not joined for {recorder}: {}", refusal.reason);
    }
    let app = match app(order, env).await {
        Ok(app) => app,
        Err(error) => return Delivery::Failed { status: None, error },
    };
    let Some(dialect) = Dialect::named(&app.dialect) else {
        return Delivery::NoReceiver;
    };
    let joined = Joined {
        order,
        form: &told.form,
        result,
    };
    let public_url = bindings::public_url(env);
    let terms = NoticeTerms {
        callback: &told.callback,
        house_storage: app.house_storage.as_ref(),
        public_url: public_url.as_deref(),
        now_ms: bindings::now_ms(),
    };
    match dialect.joined(&joined, terms) {
        Some(notification) => webhooks::call(&told.callback, notification, bindings::pacing(env).timeout_ms, env).await,
        None => Delivery::Unwanted,
    }
}

/// Deletes what nobody needs any more, or some of it: false if there may be more.
pub(super) async fn clear(order: &Order, waste: Waste, env: &Env) -> Result<bool, String> {
    let app = app(order, env).await?;
    match waste {
        Waste::Pieces => {
            let place = erasing::pieces(&app, &order.house.store, &order.place, upload::PIECES)?;
            clearing::empty(&place, env).await
        }
        Waste::Parts => {
            let parts = order.parts.iter();
            let urls = parts.map(|part| erasing::object(&app, &part.store, &part.key, bindings::now_ms()));
            clearing::delete(&urls.collect::<Result<Vec<_>, _>>()?, env).await?;
            Ok(true)
        }
        Waste::Everything => {
            let mut all = true;
            for place in erasing::places(&app, &order.sid)? {
                all &= clearing::empty(&place, env).await?;
            }
            Ok(all)
        }
    }
}

/// The app as the directory has it at this moment.
async fn app(order: &Order, env: &Env) -> Result<App, String> {
    let app = apps::find(&order.key.app_id, env).await?;
    app.ok_or_else(|| "the app is gone".to_owned())
}
