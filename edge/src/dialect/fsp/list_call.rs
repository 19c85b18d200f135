//! The list of an app's tasks: from the index, and for those that run as their recorders know it.

use serde_json::Value;

use super::asked::Asked;
use super::code::{ApiError, FAILED};
use super::label;
use super::tasks::{List, entry, is_live, refresh};
use crate::app::{self, Listed};
use crate::dialect::step::{LookUp, Pending, Step};
use crate::recording::{Call, Command, Outcome, Target};

/// Tasks of one page whose recorders are asked: the index hears of each change in a moment anyway.
const MAX_REFRESHED: usize = 20;

pub(super) fn call(asked: Asked, list: List) -> Step {
    let mut filter = list.filter;
    if let Some(record_id) = &list.record_id {
        match label::sid(record_id) {
            Some(sid) => filter.sid = Some(sid.to_owned()),
            // No task is called so.
            None => return page(&asked, &[], 0),
        }
    }
    let (app_id, request) = (asked.app.app_id.clone(), app::Request::List(filter));
    Step::Index(Box::new(LookUp::new(app_id, request, move |reply| match reply {
        Some(app::Reply::List { items, total, .. }) => {
            freshen(asked, items, total.unwrap_or_default(), 0, MAX_REFRESHED)
        }
        _ => asked.fail(ApiError::new(FAILED, "try again")),
    })))
}

/// Asks the recorders of those tasks behind `from` that may stand otherwise by now, at most `left` of them.
fn freshen(asked: Asked, items: Vec<Listed>, total: u64, from: usize, left: usize) -> Step {
    let mut behind = items.iter().enumerate().skip(from);
    let Some((place, live)) = behind.find(|(_, item)| left > 0 && is_live(item)) else {
        return page(&asked, &items, total);
    };
    let call = Call {
        key: live.key.clone(),
        command: Command::Query(Target {
            sid: live.sid.clone(),
            nonce: None,
        }),
    };
    Step::Call(Box::new(Pending::new(call, move |outcome| {
        let mut items = items.clone();
        if let (Some(Outcome::State(view)), Some(item)) = (outcome, items.get_mut(place)) {
            refresh(item, view);
        }
        freshen(asked.clone(), items, total, place + 1, left - 1)
    })))
}

fn page(asked: &Asked, items: &[Listed], total: u64) -> Step {
    let list: Vec<Value> = items.iter().filter_map(|item| entry(item, asked.now_ms)).collect();
    let reply = asked.reply().with("total_num", total).with("record_list", list);
    Step::Respond(reply.success())
}
