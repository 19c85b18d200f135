use protocol::{Fault, FileKind, Joined, JoinedFile, RecordedFile, Refusal, RefusalCode, TrackKind};
use serde::{Deserialize, Serialize};

use super::contract::{Answer, Effect, Event, Input, Order, Output, Reply, Request, Waste};
use crate::object::Output as Out;
use crate::recording::{Delivery, Pacing};

/// After so long an effect whose end was not heard of is repeated.
const LOST_MS: u64 = 60_000;
/// Before a node is asked again that gave no answer, or another one is looked for.
const PAUSE_MS: u64 = 5_000;
/// A node that has given no answer so often is taken for lost.
const MOST_SILENCES: u32 = 4;
/// Nodes that are tried, one after the other, whatever each has come to.
const MOST_TRIES: u32 = 6;
/// For how long a node is looked for.
const PATIENCE_MS: u64 = 3_600_000;
/// The app's index takes what it has not heard of for long for gone.
const RENEW_MS: u64 = 60_000;
/// News of a recording begin with this when its files are joined: above all that its recorder has told of it, or may tell yet.
const ABOVE_RECORDERS: u64 = 1 << 40;

/// What steps are made with.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub now_ms: u64,
    pub pacing: Pacing,
    /// Any number: half of each pause is left to it.
    pub chance: u32,
}

/// Files that are being joined, until everybody has been told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    pub(super) order: Order,
    pub(super) begun_ms: u64,
    /// When something has to be done again.
    due_ms: u64,
    /// The number of the news that the app's index gets.
    pub(super) revision: u64,
    heard_ms: u64,
    pub(super) tries: u32,
    /// Nodes that have been tried.
    exclude: Vec<String>,
    /// What the last of them, or the search for one, has come to.
    #[serde(default)]
    pub(super) trouble: Option<String>,
    /// The recording has been deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_gone: bool,
    pub(super) phase: Phase,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Placing,
    At {
        node_id: String,
        silences: u32,
    },
    Over {
        result: Result<RecordedFile, Refusal>,
        ended_ms: u64,
        is_told: bool,
        /// Nothing has to be deleted any more.
        #[serde(default = "yes")]
        is_cleared: bool,
        /// How many callbacks are done with.
        delivered: usize,
        /// Of the one that is next.
        since_ms: u64,
        failures: u32,
    },
}

fn yes() -> bool {
    true
}

/// Applies an input. The state is `None` before the beginning, and when everybody has been told.
pub fn step(join: &mut Option<Join>, input: Input, terms: Terms) -> Vec<Output> {
    let before = join.clone();
    let mut outputs = Vec::new();
    match input {
        Input::Asked { by, request } => {
            let Request::Begin(order) = request;
            let begun = join.get_or_insert_with(|| Join::new(*order, terms.now_ms));
            if before.is_none() {
                outputs.push(Out::Effect(begun.news(terms.now_ms)));
            }
            outputs.push(Out::Reply {
                to: by,
                reply: Reply::Begun,
            });
        }
        Input::Event(event) => {
            if let Some(join) = join {
                join.happened(event, terms);
            }
        }
        Input::Alarm => {}
    }
    let mut effects = join.as_mut().map(|join| join.due(terms.now_ms)).unwrap_or_default();
    if join.as_ref().is_some_and(Join::is_done) {
        *join = None;
        effects.clear();
    }
    if *join != before {
        outputs.push(Out::Effect(Effect::Keep));
    }
    outputs.extend(effects.into_iter().map(Out::Effect));
    outputs
}

impl Join {
    fn new(order: Order, now_ms: u64) -> Self {
        Self {
            revision: order.recording.as_ref().map_or(0, |_| ABOVE_RECORDERS),
            order,
            begun_ms: now_ms,
            due_ms: now_ms,
            heard_ms: now_ms,
            tries: 0,
            exclude: Vec::new(),
            trouble: None,
            is_gone: false,
            phase: Phase::Placing,
        }
    }

    pub fn sid(&self) -> &str {
        &self.order.sid
    }

    pub fn next_alarm(&self) -> u64 {
        self.due_ms
    }

    fn is_done(&self) -> bool {
        matches!(&self.phase, Phase::Over { is_told: true, is_cleared: true, delivered, .. } if *delivered >= self.order.told.len())
    }

    /// What has to be done now.
    fn due(&mut self, now_ms: u64) -> Vec<Effect> {
        if self.due_ms > now_ms {
            return Vec::new();
        }
        self.due_ms = now_ms.saturating_add(LOST_MS);
        let mut effects = Vec::new();
        let is_over = matches!(self.phase, Phase::Over { .. });
        if !is_over && now_ms.saturating_sub(self.heard_ms) >= RENEW_MS {
            effects.push(self.news(now_ms));
        }
        match &self.phase {
            Phase::Placing => effects.push(Effect::Place {
                sid: self.order.sid.clone(),
                exclude: self.exclude.clone(),
            }),
            Phase::At { node_id, .. } => effects.push(Effect::Ask {
                node_id: node_id.clone(),
                name: self.name(),
                order: Box::new(self.order.clone()),
            }),
            Phase::Over { is_told: false, .. } => effects.push(self.news(now_ms)),
            Phase::Over { is_cleared: false, .. } => effects.push(Effect::Clear {
                order: Box::new(self.order.clone()),
                waste: self.waste(),
            }),
            Phase::Over { result, delivered, .. } => effects.push(Effect::Deliver {
                order: Box::new(self.order.clone()),
                to: *delivered,
                result: Box::new(result.clone()),
            }),
        }
        effects
    }

    /// Each try writes an object of its own: a node that is only thought to be lost may go on.
    fn name(&self) -> String {
        format!("{}_0-{}.mp4", self.order.sid, self.tries)
    }

    fn happened(&mut self, event: Event, terms: Terms) {
        let now_ms = terms.now_ms;
        match event {
            Event::Placed(placed) if self.phase == Phase::Placing => match placed {
                Ok(node_id) => {
                    self.phase = Phase::At { node_id, silences: 0 };
                    self.due_ms = now_ms;
                    if self.order.imports || self.order.recording.is_some() {
                        // It stands otherwise now, which is told at once.
                        self.heard_ms = 0;
                    }
                }
                Err(reason) if now_ms.saturating_sub(self.begun_ms) >= PATIENCE_MS => {
                    self.end(Err(no_node(reason)), now_ms);
                }
                Err(reason) => {
                    self.trouble = Some(reason);
                    // One that had no room may have some by now.
                    self.exclude.clear();
                    self.due_ms = now_ms.saturating_add(PAUSE_MS);
                }
            },
            Event::Answered { node_id, answer } => {
                if matches!(&self.phase, Phase::At { node_id: asked, .. } if *asked == node_id) {
                    self.answered(node_id, answer, now_ms);
                }
            }
            Event::Told(heard) => {
                if heard {
                    self.heard_ms = now_ms;
                }
                if let Phase::Over { is_told, since_ms, .. } = &mut self.phase {
                    *is_told |= heard;
                    *since_ms = now_ms;
                    self.due_ms = if heard { now_ms } else { now_ms.saturating_add(PAUSE_MS) };
                }
            }
            Event::Gone => self.gone(now_ms),
            Event::Cleared(cleared) => self.cleared(cleared, terms),
            Event::Delivered { to, delivery } => self.delivered(to, &delivery, terms),
            Event::Placed(_) => {}
        }
    }

    fn answered(&mut self, node_id: String, answer: Answer, now_ms: u64) {
        match answer {
            Answer::Joined(Joined::Runs) => {
                self.phase = Phase::At { node_id, silences: 0 };
                self.due_ms = now_ms;
            }
            Answer::Joined(Joined::Done(file)) => self.end(Ok(self.file(&file)), now_ms),
            Answer::Joined(Joined::Failed(refusal)) | Answer::Refused(refusal) => {
                self.trouble = Some(refusal.reason.clone());
                if is_final(&refusal) || self.tries + 1 >= MOST_TRIES && !is_about_room(&refusal) {
                    self.end(Err(refusal), now_ms);
                } else {
                    self.elsewhere(node_id, !is_about_room(&refusal), now_ms);
                }
            }
            Answer::Away => {
                let Phase::At { silences, .. } = &mut self.phase else {
                    return;
                };
                *silences += 1;
                self.due_ms = now_ms.saturating_add(PAUSE_MS);
                if *silences >= MOST_SILENCES {
                    self.trouble = Some("its node was lost".to_owned());
                    self.elsewhere(node_id, true, now_ms);
                }
            }
        }
    }

    fn elsewhere(&mut self, node_id: String, counts: bool, now_ms: u64) {
        self.tries = self.tries.saturating_add(counts.into());
        self.exclude.push(node_id);
        self.phase = Phase::Placing;
        self.due_ms = now_ms.saturating_add(PAUSE_MS);
    }

    fn end(&mut self, result: Result<RecordedFile, Refusal>, now_ms: u64) {
        self.trouble = result.as_ref().err().map(|refusal| refusal.reason.clone());
        let is_joined = self.order.recording.is_some() && result.is_ok();
        self.phase = Phase::Over {
            result,
            ended_ms: now_ms,
            is_told: false,
            is_cleared: !self.order.imports && !is_joined,
            delivered: 0,
            since_ms: now_ms,
            failures: 0,
        };
        self.due_ms = now_ms;
    }

    /// Nobody is told of a recording that was deleted, and nothing of it is left. A node that is at work on it is waited for.
    fn gone(&mut self, now_ms: u64) {
        if let Phase::Over {
            is_told,
            is_cleared,
            delivered,
            since_ms,
            ..
        } = &mut self.phase
        {
            (*is_told, *is_cleared, *since_ms) = (true, false, now_ms);
            *delivered = self.order.told.len();
            self.is_gone = true;
            self.due_ms = now_ms;
        }
    }

    fn waste(&self) -> Waste {
        match self.is_gone {
            true => Waste::Everything,
            false if self.order.imports => Waste::Pieces,
            false => Waste::Parts,
        }
    }

    /// What cannot be deleted for long goes with the recording.
    fn cleared(&mut self, cleared: Result<bool, String>, terms: Terms) {
        let Phase::Over {
            is_cleared,
            since_ms,
            failures,
            ..
        } = &mut self.phase
        else {
            return;
        };
        let gives_up = terms.now_ms.saturating_sub(*since_ms) >= terms.pacing.give_up_ms;
        *is_cleared |= cleared == Ok(true) || gives_up;
        if cleared.is_err() && !*is_cleared {
            *failures = failures.saturating_add(1);
            let pause_ms = terms.pacing.pause_ms(*failures, terms.chance);
            self.due_ms = terms.now_ms.saturating_add(pause_ms);
        } else {
            *failures = 0;
            *since_ms = terms.now_ms;
            self.due_ms = terms.now_ms;
        }
    }

    fn delivered(&mut self, to: usize, delivery: &Delivery, terms: Terms) {
        let Phase::Over {
            delivered,
            since_ms,
            failures,
            ..
        } = &mut self.phase
        else {
            return;
        };
        if *delivered != to {
            return;
        }
        let has_failed = matches!(delivery, Delivery::Failed { .. });
        if has_failed && terms.now_ms.saturating_sub(*since_ms) < terms.pacing.give_up_ms {
            *failures = failures.saturating_add(1);
            self.due_ms = terms
                .now_ms
                .saturating_add(terms.pacing.pause_ms(*failures, terms.chance));
        } else {
            *delivered += 1;
            *since_ms = terms.now_ms;
            *failures = 0;
            self.due_ms = terms.now_ms;
        }
    }

    fn file(&self, joined: &JoinedFile) -> RecordedFile {
        RecordedFile {
            name: format!("{}/{}", self.order.place, self.name()),
            track: TrackKind::Both,
            kind: FileKind::Mp4,
            uid: "0".to_owned(),
            start_ms: self.order.start_ms,
            duration_ms: joined.duration_ms,
            slices: 1,
            bytes: joined.bytes,
            uploaded_slices: 1,
            md5: Some(joined.md5.clone()),
        }
    }
}

/// No other node and no other time would help.
fn is_final(refusal: &Refusal) -> bool {
    refusal.fault == Fault::Caller || refusal.code == RefusalCode::StorageUnusable
}

fn is_about_room(refusal: &Refusal) -> bool {
    matches!(refusal.code, RefusalCode::NoCapacity | RefusalCode::Draining)
}

fn no_node(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason,
    }
}
