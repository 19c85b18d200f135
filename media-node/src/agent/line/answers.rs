use std::sync::Arc;
use std::time::Duration;

use protocol::line::{Desire, EdgeAsk, NodeAnswer, RosterQuestion};
use protocol::{Fault, Joining, Playback, Refusal, RefusalCode, RoomAsk, Roster, RtcCall};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::agent::Services;
use crate::agent::live::{live, remove};
use crate::channel::Registry;
use crate::joiner::Making;
use crate::supervisor::{Space, Supervisor};

/// Questions of the edge that are being answered at once; many of them wait for a recording to begin or to end.
const MAX_ANSWERING: usize = 256;

/// Who answers the edge's questions. Clones share one bound.
#[derive(Clone)]
pub(in crate::agent) struct Answers {
    supervisor: Supervisor,
    channels: Registry,
    services: Services,
    turns: Arc<Semaphore>,
}

impl Answers {
    pub(in crate::agent) fn new(supervisor: Supervisor, channels: Registry, services: Services) -> Self {
        Self {
            supervisor,
            channels,
            services,
            turns: Arc::new(Semaphore::new(MAX_ANSWERING)),
        }
    }

    /// Leave to answer one question; refused when too many are being answered.
    pub(super) fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let turn = Arc::clone(&self.turns).try_acquire_owned();
        turn.map_err(|_| {
            Refusal::internal(format!(
                "this node is answering {MAX_ANSWERING} questions already: ask again later"
            ))
        })
    }

    pub(super) async fn answer(&self, ask: EdgeAsk) -> NodeAnswer {
        let report = match ask {
            EdgeAsk::Job(job) => self.supervisor.put(*job).await,
            EdgeAsk::Desired(desire) => {
                let Desire { sid, desired, wait_ms } = *desire;
                let wait = Duration::from_millis(wait_ms);
                self.supervisor.desire(&sid, desired, wait).await
            }
            EdgeAsk::Elsewhere(elsewhere) => {
                self.channels.learn(elsewhere);
                return NodeAnswer::Noted;
            }
            EdgeAsk::Live(question) => {
                return NodeAnswer::Live(live(&self.channels, self.services.rtc.as_ref(), question).await);
            }
            EdgeAsk::Remove(removal) => return NodeAnswer::Removed(remove(&self.channels, &removal)),
            EdgeAsk::Roster(question) => return NodeAnswer::Roster(self.roster(question).await),
            EdgeAsk::Rtc(call) => return self.rtc(&call).await,
            EdgeAsk::Join(joining) => return self.join(*joining, Making::Joined).await,
            EdgeAsk::Import(pieces) => return self.join(*pieces, Making::Imported).await,
            EdgeAsk::Room(ask) => return self.room(&ask).await,
            EdgeAsk::Playback(playback) => return self.play(*playback).await,
        };
        match report {
            Ok(report) => NodeAnswer::Report(Box::new(report)),
            Err(refusal) => NodeAnswer::Refused(refusal),
        }
    }

    /// Why nothing is begun that takes some of the disk.
    fn has_no_room(&self) -> Option<NodeAnswer> {
        let space = self.supervisor.space();
        let is_short = self.supervisor.is_draining() || space.is_some_and(Space::is_scarce);
        is_short.then(|| {
            NodeAnswer::Refused(Refusal {
                fault: Fault::Ours,
                code: RefusalCode::NoCapacity,
                reason: "this node is ending, or its disk is nearly full".to_owned(),
            })
        })
    }

    async fn join(&self, joining: Joining, making: Making) -> NodeAnswer {
        if let Some(refused) = self.has_no_room() {
            return refused;
        }
        match self.services.joiner.join(joining, making).await {
            Ok(joined) => NodeAnswer::Joined(Box::new(joined)),
            Err(refusal) => NodeAnswer::Refused(refusal),
        }
    }

    /// One that plays already is gone on with however little room there is.
    async fn play(&self, playback: Playback) -> NodeAnswer {
        if let Some(refused) = self.has_no_room().filter(|_| !self.services.player.has(&playback)) {
            return refused;
        }
        match self.services.player.play(playback).await {
            Ok(state) => NodeAnswer::Playback(Box::new(state)),
            Err(refusal) => NodeAnswer::Refused(refusal),
        }
    }

    async fn rtc(&self, call: &RtcCall) -> NodeAnswer {
        match &self.services.rtc {
            Some(rtc) => NodeAnswer::Rtc(Box::new(rtc.answer(call).await)),
            None => NodeAnswer::Refused(no_rtc()),
        }
    }

    async fn room(&self, ask: &RoomAsk) -> NodeAnswer {
        match &self.services.rtc {
            Some(rtc) => NodeAnswer::Room(Box::new(rtc.room(ask).await)),
            None => NodeAnswer::Refused(no_rtc()),
        }
    }

    async fn roster(&self, question: RosterQuestion) -> Roster {
        let RosterQuestion {
            app_id,
            channel,
            version,
            wait_ms,
        } = question;
        let wait = Duration::from_millis(wait_ms);
        self.channels.roster(&app_id, &channel, version, wait).await
    }
}

fn no_rtc() -> Refusal {
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::BadJob,
        reason: "this node serves no WebRTC: set TAPEDECK_RTC_LISTEN there".to_owned(),
    }
}
