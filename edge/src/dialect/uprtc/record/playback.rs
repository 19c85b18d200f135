//! Rooms that show a record.

use super::handout::find;
use super::parts::file_of;
use crate::dialect::step::Step;
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::creation;
use crate::dialect::uprtc::params::transport;
use crate::dialect::uprtc::reply;
use crate::input::{FieldError, Fields};
use crate::room::{Playback, Transport};

/// Smaller numbers are taken for seconds: as milliseconds they would be in the year 1973.
const FIRST_MS: u64 = 100_000_000_000;
/// The last one that JavaScript counts exactly.
const LAST_MS: u64 = (1 << 53) - 1;

/// What is to be shown, and when.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dialect::uprtc) struct Showing {
    record_id: String,
    server_alias: Option<String>,
    starts_ms: Option<u64>,
    ends_ms: Option<u64>,
    looped: bool,
    transport: Transport,
}

impl Showing {
    pub(in crate::dialect::uprtc) fn read(fields: &Fields<'_>, now_ms: u64) -> Result<Self, FieldError> {
        let time = |name| {
            let time = fields.integer(name, 0..=LAST_MS)?;
            // Clients that count nothing send zero.
            let time = time.filter(|time| *time > 0);
            Ok(time.map(|time| if time < FIRST_MS { time * 1_000 } else { time }))
        };
        let (starts_ms, ends_ms) = (time("startTime")?, time("endTime")?);
        let looped = fields.boolean("loopPlay")?.unwrap_or_default();
        if looped && ends_ms.is_none() {
            return Err(fields.error("endTime", "is required with loopPlay"));
        }
        if ends_ms.is_some_and(|ends_ms| ends_ms <= starts_ms.unwrap_or_default().max(now_ms)) {
            return Err(fields.error("endTime", "must be in the future, and behind startTime"));
        }
        Ok(Self {
            record_id: fields.require("recordId", fields.string("recordId")?)?.to_owned(),
            server_alias: fields.string("serverAlias")?.map(str::to_owned),
            // What should have begun begins now, from its beginning.
            starts_ms: starts_ms.filter(|starts_ms| *starts_ms > now_ms),
            ends_ms,
            looped,
            transport: transport(fields)?,
        })
    }
}

/// The record itself is the room's master.
pub(in crate::dialect::uprtc) fn playback(asked: Asked, showing: Showing) -> Step {
    let record_id = showing.record_id.clone();
    find(asked, &record_id, move |asked, listed| {
        let (house, file) = match file_of(listed.as_ref()) {
            Ok(found) => found,
            Err(error) => return reply::failure(error),
        };
        let playback = Playback {
            store: house.store.clone(),
            key: file.name.clone(),
            bytes: file.bytes,
            duration_ms: file.duration_ms,
            starts_ms: showing.starts_ms,
            ends_ms: showing.ends_ms,
            looped: showing.looped,
            node_id: None,
            failures: 0,
        };
        let plan = creation::Plan::playback(showing.record_id, showing.transport, playback, showing.server_alias);
        creation::create(asked, plan)
    })
}
