//! What the shell and a customer's server do with events: rows are kept, and events are taken, with the promises checked
//! on the way.

use std::collections::BTreeMap;

use protocol::Happening;

use crate::recording::{Event, Incident, Notice, Row};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeState {
    Waiting(u64),
    Over,
    GivenUp,
}

/// The rows of one recording.
#[derive(Default)]
pub(super) struct Log {
    pub(super) notices: Vec<Notice>,
    places: Vec<NoticeState>,
    pub(super) incidents: Vec<Incident>,
    /// Numbers of events in the order of their arrival, repeats included.
    pub(super) arrived: Vec<u64>,
}

#[derive(Default)]
pub(super) struct Receiver {
    pub(super) logs: BTreeMap<String, Log>,
}

impl Receiver {
    pub(super) fn write(&mut self, rows: Vec<Row>) {
        for row in rows {
            match row {
                Row::Notice { sid, position, notice } => {
                    let log = self.logs.entry(sid).or_default();
                    assert_eq!(notice.number, log.notices.len() as u64, "numbers have no holes");
                    log.notices.push(*notice);
                    log.places.push(NoticeState::Waiting(position));
                }
                Row::Attempted { sid, position, attempt } => {
                    let log = self.logs.get_mut(&sid).unwrap();
                    let number = log.number_at(position).expect("what is tried waits");
                    if !matches!(attempt.result, crate::recording::Delivery::Failed { .. }) {
                        log.places[number as usize] = NoticeState::Over;
                    }
                }
                Row::GivenUp { sid, from, below } => {
                    self.logs.get_mut(&sid).unwrap().end(from, below, NoticeState::GivenUp)
                }
                Row::Unwanted { sid, from, below } => {
                    self.logs.get_mut(&sid).unwrap().end(from, below, NoticeState::Over)
                }
                Row::Again { sid, number, position } => {
                    self.logs.get_mut(&sid).unwrap().places[number as usize] = NoticeState::Waiting(position);
                }
                Row::Incident { sid, number, incident } => {
                    let log = self.logs.entry(sid).or_default();
                    assert_eq!(number, log.incidents.len() as u64);
                    log.incidents.push(incident);
                }
                Row::Pruned { .. } | Row::IncidentsPruned { .. } => {}
                Row::Forgotten { sid } => drop(self.logs.remove(&sid)),
            }
        }
    }

    /// The event at a place arrives at the customer's server, if it still waits.
    pub(super) fn arrive(&mut self, sid: &str, position: u64) {
        let Some(log) = self.logs.get_mut(sid) else { return };
        let Some(number) = log.number_at(position) else { return };
        let first_time = !log.arrived.contains(&number);
        if let Some(last) = log.arrived.iter().max() {
            assert!(
                !first_time || number == last + 1 || log.places.contains(&NoticeState::GivenUp),
                "{sid}: {number} after {:?}",
                log.arrived
            );
        }
        log.arrived.push(number);
    }
}

impl Log {
    fn number_at(&self, position: u64) -> Option<u64> {
        let at = self
            .places
            .iter()
            .position(|place| *place == NoticeState::Waiting(position));
        at.map(|number| number as u64)
    }

    fn end(&mut self, from: u64, below: u64, how: NoticeState) {
        for place in &mut self.places {
            if matches!(place, NoticeState::Waiting(position) if (from..below).contains(position)) {
                *place = how;
            }
        }
    }

    pub(super) fn given_up(&self) -> Vec<u64> {
        let numbers = (0..).zip(&self.places);
        numbers
            .filter(|(_, place)| **place == NoticeState::GivenUp)
            .map(|(number, _)| number)
            .collect()
    }

    pub(super) fn events(&self) -> Vec<&Event> {
        self.notices.iter().map(|notice| &notice.event).collect()
    }

    pub(super) fn happenings(&self) -> Vec<&Happening> {
        let events = self.notices.iter().map(|notice| &notice.event);
        events
            .filter_map(|event| match event {
                Event::Happened(happening) => Some(happening),
                _ => None,
            })
            .collect()
    }
}
