//! The object that runs one recorder's core. Its tables are here too: the state, the inventory of slices, and the log of
//! events and incidents, which the core does not read back.

mod deliveries;
mod effects;
mod inventory;
mod log;
mod message;
mod reach;
mod seals;
mod storage;
mod texts;
mod whole;

use protocol::RecorderKey;
use serde_json::json;
use worker::{DurableObject, Env, State, durable_object};

use super::ask::Object;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use crate::object::{Input, Output};
use crate::recording::{self, Effect, Replay, next_alarm, step};
use deliveries::Receivers;
use storage::Kept;

pub(in crate::worker) use message::{Reply, Request};

#[durable_object]
pub struct Recorder {
    host: Host<RecorderShell>,
}

impl Object for Recorder {
    const BINDING: &'static str = "RECORDER";
    type Key = RecorderKey;
    type Request = Request;
    type Reply = Reply;

    fn name(key: &RecorderKey) -> String {
        // JSON keeps the parts of the key apart, whatever is in them.
        json!([key.app_id, key.channel, key.uid]).to_string()
    }
}

impl DurableObject for Recorder {
    fn new(object: State, env: Env) -> Self {
        let shell = RecorderShell {
            platform: Platform::new(object, env),
            receivers: Receivers::default(),
        };
        Self { host: Host::new(shell) }
    }

    async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
        self.host.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<worker::Response> {
        self.host.alarm().await
    }
}

struct RecorderShell {
    platform: Platform,
    receivers: Receivers,
}

impl Shell for RecorderShell {
    type Object = Recorder;
    type State = Kept;
    type Event = recording::Input;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<Kept> {
        storage::load(&self.platform.sql(), self.platform.env())
    }

    fn apply(&self, kept: &mut Kept, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let log = kept.log(self.platform.sql());
        let input = match input {
            Input::Asked { by, request } => {
                let reply = |reply| Ok(vec![Output::Reply { to: by, reply }]);
                match request {
                    Request::Core(request) => recording::Input::Asked { by, request },
                    Request::Notices {
                        sid,
                        after,
                        state,
                        limit,
                    } => return reply(Reply::Notices(log.notices(&sid, after, state, limit)?)),
                    Request::History { sid } => return reply(Reply::History(log.incidents(&sid)?)),
                    Request::Replay { sid, which } => {
                        let numbers = log.to_replay(&sid, which)?;
                        let request = recording::Request::Replay(Replay { sid, numbers });
                        recording::Input::Asked { by, request }
                    }
                }
            }
            Input::Event(input) => input,
            Input::Alarm => recording::Input::Alarm,
        };
        let effects = step(&mut kept.state, input, now_ms);
        let left = kept.save(&self.platform.storage(), self.platform.env(), effects)?;
        let output = |effect| match effect {
            Effect::Reply { to, reply } => Output::Reply {
                to,
                reply: Reply::Core(reply),
            },
            effect => Output::Effect(effect),
        };
        Ok(left.into_iter().map(output).collect())
    }

    fn next_alarm(&self, kept: &Kept) -> Option<u64> {
        next_alarm(&kept.state)
    }

    async fn carry_out(&self, effect: Effect) -> Option<recording::Input> {
        effects::carry_out(effect, &self.receivers, &self.platform).await
    }
}
