//! The object that keeps which channels one node carries and follows, with a row for each.

mod storage;

use futures_util::future::join_all;
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::ask::{Object, ask};
use super::channel_of::ChannelOf;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use super::room_of::RoomOf;
use crate::channel::carried::{self, Effect, Event, Question, step};
use crate::channel::{self, ChannelKey};
use crate::object::Output;
use crate::room;

#[durable_object]
pub struct Carried {
    host: Host<CarriedShell>,
}

impl Object for Carried {
    const BINDING: &'static str = "CARRIED";
    /// The node's id.
    type Key = str;
    type Request = Question;
    type Reply = carried::Reply;

    fn name(node_id: &str) -> String {
        json!([node_id]).to_string()
    }
}

impl DurableObject for Carried {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(CarriedShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }
}

struct CarriedShell {
    platform: Platform,
}

impl Shell for CarriedShell {
    type Object = Carried;
    type State = carried::Carried;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<carried::Carried> {
        storage::load(&self.platform.sql())
    }

    fn apply(
        &self,
        carried: &mut carried::Carried,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        let sql = self.platform.sql();
        let mut left = Vec::new();
        for output in step(carried, input, now_ms) {
            match output {
                Output::Effect(Effect::Keep(kept)) => storage::keep(&sql, &kept)?,
                Output::Effect(Effect::Put(entry)) => storage::put(&sql, &entry)?,
                Output::Effect(Effect::Remove(entry)) => storage::remove(&sql, &entry)?,
                Output::Effect(Effect::Clear) => storage::clear(&sql)?,
                output => left.push(output),
            }
        }
        Ok(left)
    }

    fn next_alarm(&self, carried: &carried::Carried) -> Option<u64> {
        carried.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        match effect {
            // Carried out with the state's change.
            Effect::Keep(_) | Effect::Put(_) | Effect::Remove(_) | Effect::Clear => None,
            Effect::Lose {
                node_id,
                lease,
                channels,
                ended_ms,
            } => {
                let lost = channels
                    .into_iter()
                    .map(|channel| self.lose(&node_id, lease, ended_ms, channel));
                let told = join_all(lost).await.into_iter().flatten().collect();
                Some(Event::Lost { lease, told })
            }
        }
    }
}

impl CarriedShell {
    /// The channel, if it was told; where the node's process has ended, its room as well.
    async fn lose(&self, node_id: &str, lease: u64, ended_ms: Option<u64>, channel: ChannelKey) -> Option<ChannelKey> {
        let question = channel::Question {
            channel,
            request: channel::Request::Lost {
                node_id: node_id.to_owned(),
                lease,
            },
        };
        let env = self.platform.env();
        ask::<ChannelOf>(env, &question.channel, &question).await.ok()?;
        let channel = question.channel;
        if let Some(at_ms) = ended_ms.filter(|_| room::ids::number_of(&channel.channel).is_some()) {
            let question = room::Question {
                room_id: channel.channel.clone(),
                app_id: channel.app_id.clone(),
                request: room::Request::Restarted {
                    node_id: node_id.to_owned(),
                    at_ms,
                },
            };
            ask::<RoomOf>(env, &question.room_id, &question).await.ok()?;
        }
        Some(channel)
    }
}
