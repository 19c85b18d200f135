use serde::{Deserialize, Serialize};

use super::pacing::Pacing;
use crate::recording::contract::{Attempt, Delivery, Event, Notice, Row};

/// The most events of one recording that wait; those that come then are left out. With some 500 bytes each this is 25 MB.
const MAX_WAITING: u64 = 50_000;
/// Room above that for events without which the others make no sense: how the recording began and ended.
const RESERVE: u64 = 1_000;
/// Events that are kept for the log once they wait no longer, and those that were given up.
const LOG_LENGTH: u64 = 2_000;
const MAX_KEPT: u64 = 2 * MAX_WAITING;
/// The log is tidied after so many events.
const TIDY_EVERY: u64 = 64;
/// The time for which events are tried is known to such a fraction of itself.
const MARKS: u64 = 24;
/// After a receiver's time-out, the result of a delivery is waited for so long; then it was lost.
const SLACK_MS: u64 = 20_000;

/// The queue of one recording's events. It counts them; their contents are in rows. One delivery is under way at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outbox {
    /// The number of the next event.
    next_number: u64,
    /// The queue's end and its head: what is at `head` and behind it waits.
    end: u64,
    head: u64,
    /// Deliveries that failed in a row.
    failures: u32,
    not_before_ms: u64,
    /// When events came into the queue, oldest first.
    marks: Vec<Mark>,
    /// Events that were left out since there was room the last time.
    dropped: u64,
    /// Since when the head is being delivered by this process.
    #[serde(skip)]
    under_way_ms: Option<u64>,
}

/// The events at `position` and behind it came at this time or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    position: u64,
    at_ms: u64,
}

/// What a change of an outbox is made with.
pub(crate) struct Scribe<'a> {
    pub(crate) sid: &'a str,
    pub(crate) pacing: &'a Pacing,
    pub(crate) now_ms: u64,
    pub(crate) rows: &'a mut Vec<Row>,
}

/// Whether an event may be left out when too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Needed,
    Droppable,
}

/// What a delivery's result has brought about, besides rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Nothing,
    GivenUp { count: u64 },
}

/// Whether an event found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Taken,
    /// After so many that were left out.
    TakenAgain {
        dropped: u64,
    },
    /// Left out, as the first one since there was room.
    FirstDropped,
    Dropped,
}

impl Outbox {
    pub(crate) fn push(&mut self, event: Event, weight: Weight, scribe: &mut Scribe<'_>) -> Room {
        let limit = match weight {
            Weight::Needed => MAX_WAITING + RESERVE,
            Weight::Droppable => MAX_WAITING,
        };
        if self.waiting() >= limit {
            self.dropped = self.dropped.saturating_add(1);
            return if self.dropped == 1 {
                Room::FirstDropped
            } else {
                Room::Dropped
            };
        }
        let notice = Notice {
            number: self.next_number,
            at_ms: scribe.now_ms,
            event,
        };
        self.next_number += 1;
        let position = self.enqueue(scribe);
        scribe.rows.push(Row::Notice {
            sid: scribe.sid.to_owned(),
            position,
            notice: Box::new(notice),
        });
        match std::mem::take(&mut self.dropped) {
            0 => Room::Taken,
            dropped => Room::TakenAgain { dropped },
        }
    }

    /// Puts an event that waits no longer at the end of the queue. The next delivery is tried at once.
    pub(crate) fn replay(&mut self, number: u64, scribe: &mut Scribe<'_>) -> bool {
        if number >= self.next_number || self.waiting() >= MAX_WAITING + RESERVE {
            return false;
        }
        let position = self.enqueue(scribe);
        scribe.rows.push(Row::Again {
            sid: scribe.sid.to_owned(),
            number,
            position,
        });
        self.not_before_ms = scribe.now_ms;
        true
    }

    fn enqueue(&mut self, scribe: &Scribe<'_>) -> u64 {
        let (position, now_ms) = (self.end, scribe.now_ms);
        self.end += 1;
        let step_ms = scribe.pacing.give_up_ms / MARKS;
        if self
            .marks
            .last()
            .is_none_or(|mark| now_ms.saturating_sub(mark.at_ms) >= step_ms)
        {
            self.marks.push(Mark {
                position,
                at_ms: now_ms,
            });
        }
        position
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.end - self.head
    }

    /// The number of events that wait because the oldest of them could not be delivered.
    pub(crate) fn held_up(&self) -> u64 {
        if self.failures == 0 { 0 } else { self.waiting() }
    }

    /// The position behind the newest event.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn waits(&self, position: u64) -> bool {
        (self.head..self.end).contains(&position)
    }

    /// When [`Self::next`] has to be asked; `None` when nothing waits.
    pub(crate) fn due_ms(&self, pacing: &Pacing) -> Option<u64> {
        (self.waiting() > 0).then(|| match self.under_way_ms {
            Some(since_ms) => lost_ms(since_ms, pacing),
            None => self.not_before_ms,
        })
    }

    /// The position of the event to deliver at this moment.
    pub(crate) fn next(&mut self, pacing: &Pacing, now_ms: u64) -> Option<u64> {
        if self.due_ms(pacing).is_none_or(|due_ms| now_ms < due_ms) {
            return None;
        }
        self.under_way_ms = Some(now_ms);
        Some(self.head)
    }

    /// Takes over how a delivery went. `chance` is any number.
    pub(crate) fn delivered(
        &mut self,
        position: u64,
        result: Delivery,
        chance: u32,
        scribe: &mut Scribe<'_>,
    ) -> Settled {
        // Of a process before this one, or of a delivery that took too long and was repeated with success.
        if position != self.head || self.waiting() == 0 {
            return Settled::Nothing;
        }
        self.under_way_ms = None;
        let Scribe {
            sid,
            pacing,
            now_ms,
            rows,
        } = scribe;
        let (sid, now_ms) = ((*sid).to_owned(), *now_ms);
        let attempted = |result| Row::Attempted {
            sid: sid.clone(),
            position,
            attempt: Attempt { at_ms: now_ms, result },
        };
        let mut settled = Settled::Nothing;
        match result {
            Delivery::Delivered { .. } | Delivery::Unwanted => {
                rows.push(attempted(result));
                self.advance(position + 1, now_ms);
            }
            Delivery::NoReceiver => {
                rows.push(Row::Unwanted {
                    sid: sid.clone(),
                    from: position,
                    below: self.end,
                });
                self.advance(self.end, now_ms);
            }
            Delivery::Failed { .. } => {
                rows.push(attempted(result));
                self.failures = self.failures.saturating_add(1);
                self.not_before_ms = now_ms.saturating_add(pacing.pause_ms(self.failures, chance));
                let below = self.expired_below(pacing, now_ms);
                if below > position {
                    rows.push(Row::GivenUp {
                        sid: sid.clone(),
                        from: position,
                        below,
                    });
                    settled = Settled::GivenUp {
                        count: below - position,
                    };
                    self.move_head(below);
                }
            }
        }
        if self.head / TIDY_EVERY > position / TIDY_EVERY {
            rows.push(Row::Pruned {
                sid,
                finished: self.end.saturating_sub(LOG_LENGTH).min(self.head),
                all: self.end.saturating_sub(MAX_KEPT).min(self.head),
            });
        }
        settled
    }

    fn advance(&mut self, head: u64, now_ms: u64) {
        self.failures = 0;
        self.not_before_ms = now_ms;
        self.move_head(head);
    }

    fn move_head(&mut self, head: u64) {
        self.head = head;
        if self.waiting() == 0 {
            self.marks.clear();
        }
        // The mark that the head stands behind stays.
        let passed = self.marks.iter().filter(|mark| mark.position <= head).count();
        self.marks.drain(..passed.saturating_sub(1));
    }

    /// The position in front of which every event has been tried for long enough.
    fn expired_below(&self, pacing: &Pacing, now_ms: u64) -> u64 {
        let is_over = |at_ms: u64| at_ms.saturating_add(pacing.give_up_ms) <= now_ms;
        let Some(last) = self.marks.last() else {
            return self.head;
        };
        if is_over(last.at_ms.saturating_add(pacing.give_up_ms / MARKS)) {
            return self.end;
        }
        // What came before a mark is older than the mark.
        let mark = self.marks.iter().rev().find(|mark| is_over(mark.at_ms));
        mark.map_or(self.head, |mark| self.head.max(mark.position + 1))
    }
}

fn lost_ms(since_ms: u64, pacing: &Pacing) -> u64 {
    since_ms.saturating_add(pacing.timeout_ms).saturating_add(SLACK_MS)
}
