//! How tests watch what is told: the log that a node sends, the events and incidents that come of it, and deliveries that wait
//! until the test answers them.

use protocol::{Happening, Occurrence, Occurrences, TrackKind};

use super::bench::*;
use super::samples::*;
use crate::recording::{Delivery, Event, Replay, Reply, Request, What, next_alarm};

pub(super) fn stream(number: u64) -> Happening {
    Happening::StreamChanged {
        uid: "7".to_owned(),
        track: TrackKind::Audio,
        receiving: number % 2 == 1,
        at_ms: T0 + number,
    }
}

/// A log with these numbers.
pub(super) fn log(log: u64, numbers: std::ops::RangeInclusive<u64>) -> Occurrences {
    let list = numbers.map(|number| Occurrence {
        number,
        what: stream(number),
    });
    Occurrences {
        log,
        list: list.collect(),
    }
}

pub(super) fn failed() -> Delivery {
    Delivery::Failed {
        status: Some(500),
        error: "500".to_owned(),
    }
}

/// A recording whose first two events have arrived; deliveries wait from here on.
pub(super) fn held() -> Bench {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.deliveries = Some(Vec::new());
    bench
}

impl Bench {
    pub(super) fn events(&self, sid: &str) -> Vec<Event> {
        self.receiver.logs[sid].events().into_iter().cloned().collect()
    }

    pub(super) fn what(&self, sid: &str) -> Vec<What> {
        let incidents = self.receiver.logs[sid].incidents.iter();
        incidents.map(|incident| incident.what.clone()).collect()
    }

    pub(super) fn arrived(&self, sid: &str) -> Vec<u64> {
        self.receiver.logs[sid].arrived.clone()
    }

    /// Answers the one delivery that is under way.
    pub(super) fn answer(&mut self, result: Delivery) {
        let deliveries = self.deliveries.as_mut().unwrap();
        assert_eq!(deliveries.len(), 1, "one at a time");
        let (sid, position) = deliveries.remove(0);
        self.delivered(&sid, position, result);
    }

    /// Lets time pass until a delivery is asked for, an hour at most.
    pub(super) fn await_delivery(&mut self) {
        let end = self.now + HOUR;
        while self.under_way() == 0 && self.now < end {
            let due = next_alarm(&self.state).map_or(end, |due| due.min(end));
            self.pass(due.saturating_sub(self.now));
        }
    }

    pub(super) fn under_way(&self) -> usize {
        self.deliveries.as_ref().unwrap().len()
    }

    pub(super) fn happen(&mut self, numbers: std::ops::RangeInclusive<u64>) -> Option<protocol::Confirmed> {
        let report = self.make_report("s1", "n1", 1, |report| report.occurrences = log(1, numbers));
        match self
            .ask(Request::Report {
                report: Box::new(report),
                line: None,
            })
            .1
        {
            Some(Reply::Desired(answer)) => answer.confirmed,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn replay(&mut self, numbers: Vec<u64>) -> u64 {
        let sid = "s1".to_owned();
        match self.ask(Request::Replay(Replay { sid, numbers })).1 {
            Some(Reply::Replayed { count }) => count,
            other => panic!("{other:?}"),
        }
    }
}
