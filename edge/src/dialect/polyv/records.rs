//! The recorded files of a channel: listed, shown and deleted.

use serde_json::Value;

use super::answer::{Refusal, success};
use super::caller::Caller;
use super::channel_setting::channel_id;
use super::listed::{alone, in_list, sid_of};
use super::params::Params;
use super::times::{day_end_ms, day_ms, digits};
use crate::access::{App, Store, is_id};
use crate::app::{Erasing, Filter, Listed, Reply, Request};
use crate::dialect::house::{Handing, Hands};
use crate::dialect::step::{LookUp, Step};
use crate::dialect::vendor::Server;
use crate::recording::Status;

/// The vendor's list has no pages.
const MOST: usize = 1_000;

/// `recordFiles`: the files of a channel that are finished, the newest first.
pub(super) fn list<S: Store>(
    caller: Caller,
    params: &Params,
    channel: Option<&str>,
    server: &Server<'_, S>,
) -> Result<Step, Refusal> {
    // The account has been compared with the app's where it is given; here it has to be.
    params.get("userId").ok_or(Refusal::UserId)?;
    let channel = channel_id(channel)?;
    let (from_ms, before_ms) = match (params.get("startDate"), params.get("endDate")) {
        (None, None) => (None, None),
        (Some(first), Some(last)) => (
            Some(day_ms(first).ok_or(Refusal::Param("startDate"))?),
            Some(day_end_ms(last).ok_or(Refusal::Param("endDate"))?),
        ),
        (Some(_), None) => return Err(Refusal::Param("endDate")),
        (None, Some(_)) => return Err(Refusal::Param("startDate")),
    };
    let sessions = params.get("sessionIds").or(params.get("sessionId"));
    let sessions: Option<Vec<_>> = sessions.map(|list| list.split(',').map(|id| id.trim().to_owned()).collect());
    // The sessions go before the days.
    let by_day = sessions.is_none();
    let filter = Filter {
        limit: MOST,
        channel: Some(channel),
        statuses: vec![Status::Ended, Status::Failed],
        from_ms: from_ms.filter(|_| by_day),
        before_ms: before_ms.filter(|_| by_day),
        house: true,
        ..Filter::default()
    };
    let hands = Hands::new(&caller.app, server.public_url, server.now_ms);
    let user_id = caller.app.tenant.clone();
    let listed = move |reply| {
        let Some(Reply::List { items, .. }) = reply else {
            return Step::Respond(Refusal::NoAnswer.response());
        };
        let is_wanted = |row: &&Listed| sessions.as_ref().is_none_or(|sessions| sessions.contains(&row.sid));
        let wanted = items.iter().filter(is_wanted);
        let data = wanted.flat_map(|row| in_list(row, &user_id, &hands.handing()));
        Step::Respond(success(data.collect()))
    };
    Ok(look_up(&caller.app, Request::List(filter), listed))
}

/// `record/get`: one file.
pub(super) fn one<S: Store>(caller: Caller, params: &Params, server: &Server<'_, S>) -> Result<Step, Refusal> {
    let channel = channel_id(params.get("channelId"))?;
    let id = params.get("fileId").filter(|id| is_id(id));
    let id = id.ok_or(Refusal::Param("fileId"))?.to_owned();
    let hands = Hands::new(&caller.app, server.public_url, server.now_ms);
    let user_id = caller.app.tenant.clone();
    let sid = sid_of(&id).to_owned();
    let found = move |reply| {
        let row = match found(reply, &channel) {
            Ok(row) => row,
            Err(refusal) => return Step::Respond(refusal.response()),
        };
        let handing: Handing<'_> = hands.handing();
        match alone(&row, &id, &user_id, &handing) {
            Some(data) => Step::Respond(success(data)),
            None => Step::Respond(Refusal::NoRecord.response()),
        }
    };
    Ok(look_up(&caller.app, Request::Find { sid }, found))
}

/// `delete-record`: everything of one session is deleted, in all formats.
pub(super) fn delete(caller: Caller, params: &Params, channel: Option<&str>) -> Result<Step, Refusal> {
    let channel = channel_id(channel)?;
    let sid = params.get("sessionId").filter(|id| is_id(id));
    let sid = sid.ok_or(Refusal::Param("sessionId"))?.to_owned();
    let start = params.get("startTime").map(str::to_owned);
    let app = caller.app.clone();
    let request = Request::Find { sid: sid.clone() };
    let known = move |reply| {
        let row = match found(reply, &channel) {
            Ok(row) => row,
            Err(refusal) => return Step::Respond(refusal.response()),
        };
        let is_meant = |start: &String| row.files.iter().any(|file| digits(file.start_ms) == *start);
        if start.as_ref().is_some_and(|start| !is_meant(start)) {
            return Step::Respond(Refusal::NoRecord.response());
        }
        look_up(&app, Request::Erase { sid }, erased)
    };
    Ok(look_up(&caller.app, request, known))
}

fn erased(reply: Option<Reply>) -> Step {
    Step::Respond(match reply {
        Some(Reply::Erase(Erasing::Begun)) => success(Value::from("")),
        Some(Reply::Erase(Erasing::Runs)) => Refusal::RecordRuns.response(),
        Some(Reply::Erase(Erasing::NotOurs | Erasing::NotFound)) => Refusal::NoRecord.response(),
        _ => Refusal::NoAnswer.response(),
    })
}

/// The recording, if it is one of the channel's that is finished and not deleted.
pub(super) fn found(reply: Option<Reply>, channel: &str) -> Result<Listed, Refusal> {
    let Some(Reply::Find(found)) = reply else {
        return Err(Refusal::NoAnswer);
    };
    let is_there = |row: &Listed| row.key.channel == channel && row.house.is_some() && row.erasure.is_none();
    let row = found.filter(|row| is_there(row)).ok_or(Refusal::NoRecord)?;
    match row.status {
        Status::Ended | Status::Failed => Ok(*row),
        _ => Err(Refusal::RecordRuns),
    }
}

fn look_up(app: &App, request: Request, next: impl FnOnce(Option<Reply>) -> Step + 'static) -> Step {
    Step::Index(Box::new(LookUp::new(app.app_id.clone(), request, next)))
}
