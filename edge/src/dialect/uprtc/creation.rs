//! Rooms are created.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::code::ApiError;
use super::params::{transport, user, users};
use super::reply;
use crate::dialect::step::Step;
use crate::input::{FieldError, Fields};
use crate::room::{Creation, DEFAULT_MEMBERS, Kind, Playback, Problem, Reply, Request, Server, Transport, View, ids};

/// Ids that are tried, each of which can be in use with a chance of one in millions.
const MAX_TRIES: usize = 5;
const MAX_MEMBERS: u64 = 3_000;

/// What the call asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    kind: Kind,
    master_id: String,
    transport: Transport,
    /// An id that was given out before.
    room_id: Option<String>,
    playback: Option<Box<Playback>>,
    /// The server that is preferred.
    server_alias: Option<String>,
}

impl Plan {
    pub(super) fn conversation(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let invited = fields.require("memberIds", users(fields, "memberIds")?)?;
        let max_members = fields.integer("maxMemberNum", 0..=MAX_MEMBERS)?;
        let max_members = max_members.map_or(DEFAULT_MEMBERS, |number| u32::try_from(number).unwrap_or_default());
        let kind = Kind::Conversation {
            invited: invited.into_iter().collect::<BTreeSet<_>>(),
            max_members,
        };
        Self::read(kind, fields)
    }

    pub(super) fn live(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let raised = BTreeMap::new();
        Self::read(Kind::Live { raised }, fields)
    }

    fn read(kind: Kind, fields: &Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            kind,
            master_id: fields.require("masterId", user(fields, "masterId")?)?,
            transport: transport(fields)?,
            // What was not given out here is as good as none.
            room_id: fields
                .string("roomId")?
                .filter(|id| ids::number_of(id).is_some())
                .map(str::to_owned),
            playback: None,
            server_alias: None,
        })
    }

    /// A room that shows a file, as this master. All servers have all files, so that one which is not there any more does no harm.
    pub(super) fn playback(
        master_id: String,
        transport: Transport,
        playback: Playback,
        server_alias: Option<String>,
    ) -> Self {
        Self {
            kind: Kind::Live {
                raised: BTreeMap::new(),
            },
            master_id,
            transport,
            room_id: None,
            playback: Some(Box::new(playback)),
            server_alias,
        }
    }
}

pub(super) fn create(asked: Asked, plan: Plan) -> Step {
    asked.usable_servers(move |asked, servers| {
        let preferred = servers
            .iter()
            .find(|server| plan.server_alias.as_ref() == Some(&server.alias));
        match preferred.or(servers.first()).cloned() {
            Some(server) => attempt(asked, plan, server, MAX_TRIES),
            None => reply::failure(Problem::NoServer),
        }
    })
}

/// With the id that the caller wants, or another one if that is not to be had.
fn attempt(mut asked: Asked, mut plan: Plan, server: Server, tries: usize) -> Step {
    if tries == 0 {
        return reply::failure(ApiError::unanswered());
    }
    let wanted = plan.room_id.take();
    let new = ids::id_of(ids::number(asked.random.number()));
    let Some(room_id) = wanted.or(new) else {
        return reply::failure(ApiError::unanswered());
    };
    let creation = Creation {
        kind: plan.kind.clone(),
        master_id: plan.master_id.clone(),
        transport: plan.transport,
        server: server.clone(),
        playback: plan.playback.clone(),
    };
    let request = Request::Create(Box::new(creation));
    asked.room(&room_id, request, move |asked, answer| match answer {
        Reply::Created(view) => reply::success(Value::Object(created(&asked, &view))),
        Reply::Taken => attempt(asked, plan, server, tries - 1),
        _ => reply::failure(ApiError::unanswered()),
    })
}

fn created(asked: &Asked, view: &View) -> Map<String, Value> {
    let mut fields = asked.place(&view.spec.server, Some(""));
    fields.insert("roomId".to_owned(), json!(view.room_id));
    if view.spec.playback.is_none() {
        fields.insert("serverUrl6".to_owned(), json!(""));
    }
    if !view.spec.is_live() {
        fields.insert("invitationCode".to_owned(), json!(ids::number_of(&view.room_id)));
    }
    fields
}
