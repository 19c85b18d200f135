use std::collections::BTreeMap;

use protocol::{Confirmed, Happening, Report};
use serde::{Deserialize, Serialize};

use super::announced::Announced;
use super::outbox::{Outbox, Room, Scribe, Settled, Weight};
use crate::recording::contract::{Delivery, Event, Incident, Row, Subject, What};

/// Lines of a recording's history that are kept: the first ones and the newest ones.
const FIRST_INCIDENTS: u64 = 50;
const NEWEST_INCIDENTS: u64 = 450;
/// Nodes that one recording hears of, and their logs.
const MAX_NODES: usize = 64;

/// What has been told of one recording, and what waits to be. Outlives the recording: its log is kept as long as its
/// session document, and longer where events still wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub(in crate::recording) subject: Subject,
    #[serde(rename = "told")]
    pub(in crate::recording) announced: Announced,
    pub(in crate::recording) outbox: Outbox,
    /// The number of the next line of the history.
    incidents: u64,
    /// The nodes that have, or had, the recording.
    nodes: Vec<String>,
    /// How far the nodes' logs have been taken over.
    logs: Vec<Log>,
    pub(in crate::recording) misfit_ms: u64,
    /// The position of the newest event about progress.
    progress: Option<u64>,
    /// Until when it is kept at least, Unix milliseconds; 0 until the recording has started.
    pub(in crate::recording) kept_until_ms: u64,
    /// What nodes have reported and nobody has been told yet.
    #[serde(skip)]
    pub(in crate::recording) heard: Vec<Happening>,
}

/// The ledgers of one recorder's recordings, by sid.
pub type Ledgers = BTreeMap<String, Ledger>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Log {
    node: String,
    log: u64,
    through: u64,
}

impl Ledger {
    pub(in crate::recording) fn new(subject: Subject) -> Self {
        Self {
            subject,
            announced: Announced::default(),
            outbox: Outbox::default(),
            incidents: 0,
            nodes: Vec::new(),
            logs: Vec::new(),
            misfit_ms: 0,
            progress: None,
            kept_until_ms: 0,
            heard: Vec::new(),
        }
    }

    /// The number of events that wait because the oldest of them could not be delivered.
    pub(in crate::recording) fn held_up(&self) -> u64 {
        self.outbox.held_up()
    }

    /// Puts an event into the outbox, if there is room.
    pub(in crate::recording) fn tell(&mut self, event: Event, scribe: &mut Scribe<'_>) {
        let weight = match &event {
            Event::Happened(_) | Event::Progress { .. } | Event::Misfit { .. } | Event::Problem(_) => Weight::Droppable,
            _ => Weight::Needed,
        };
        if matches!(event, Event::Progress { .. }) {
            // One that has not been delivered is outdated by now, but two are no better.
            if self.progress.is_some_and(|position| self.outbox.waits(position)) {
                return;
            }
            self.progress = Some(self.outbox.end());
        }
        match self.outbox.push(event, weight, scribe) {
            Room::Taken | Room::Dropped => {}
            Room::FirstDropped => self.note(What::NoticesDropped, scribe),
            Room::TakenAgain { dropped } => self.note(What::NoticesResumed { count: dropped }, scribe),
        }
    }

    /// Adds a line to the recording's history.
    pub(in crate::recording) fn note(&mut self, what: What, scribe: &mut Scribe<'_>) {
        let (number, sid) = (self.incidents, scribe.sid.to_owned());
        self.incidents += 1;
        let at_ms = scribe.now_ms;
        scribe.rows.push(Row::Incident {
            sid: sid.clone(),
            number,
            incident: Incident { at_ms, what },
        });
        if number >= FIRST_INCIDENTS + NEWEST_INCIDENTS {
            let below = self.incidents - NEWEST_INCIDENTS;
            scribe.rows.push(Row::IncidentsPruned {
                sid,
                from: FIRST_INCIDENTS,
                below,
            });
        }
    }

    /// Takes over what a report tells of the recording's course, if it comes from a node that has, or had, the recording.
    pub(in crate::recording) fn hear(&mut self, report: &Report) {
        if !self.nodes.contains(&report.node_id) {
            return;
        }
        let told = &report.occurrences;
        let Some(newest) = told.list.iter().map(|occurrence| occurrence.number).max() else {
            return;
        };
        let is_this = |log: &&mut Log| log.node == report.node_id && log.log == told.log;
        let through = match self.logs.iter_mut().find(is_this) {
            Some(log) => {
                let through = log.through;
                log.through = through.max(newest);
                through
            }
            None => {
                if self.logs.len() >= MAX_NODES {
                    self.logs.remove(0);
                }
                self.logs.push(Log {
                    node: report.node_id.clone(),
                    log: told.log,
                    through: newest,
                });
                0
            }
        };
        let news = told.list.iter().filter(|occurrence| occurrence.number > through);
        self.heard.extend(news.map(|occurrence| occurrence.what.clone()));
    }

    /// A node has the recording: what it tells counts.
    pub(in crate::recording) fn admit_node(&mut self, node_id: &str) {
        if self.nodes.iter().any(|known| known == node_id) {
            return;
        }
        if self.nodes.len() >= MAX_NODES {
            self.nodes.remove(0);
        }
        self.nodes.push(node_id.to_owned());
    }

    /// How far the log of a report has been taken over.
    pub(in crate::recording) fn confirmed(&self, report: &Report) -> Option<Confirmed> {
        let is_this = |log: &&Log| log.node == report.node_id && log.log == report.occurrences.log;
        self.logs.iter().find(is_this).map(|log| Confirmed {
            log: log.log,
            through: log.through,
        })
    }

    /// Takes over how a delivery went.
    pub(in crate::recording) fn delivered(
        &mut self,
        position: u64,
        result: Delivery,
        chance: u32,
        scribe: &mut Scribe<'_>,
    ) {
        match self.outbox.delivered(position, result, chance, scribe) {
            Settled::Nothing => {}
            Settled::GivenUp { count } => self.note(What::NoticesGivenUp { count }, scribe),
        }
    }
}
