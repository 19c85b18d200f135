use protocol::{Assignment, SpoolReport};

use crate::spool::Spool;
use crate::supervisor::Answered;
use crate::upload::Writing;

/// What one process may do with the playlists, and what it has to tell, as far as the edge's answers say. Pure.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Playlists are written under a lease only.
    leased: bool,
    takeover: bool,
    writing: Writing,
    /// How many of the spool's confirmed slices the edge has noted.
    noted: Option<u64>,
    /// How far the slices of other spools have to be known before playlists are written.
    target: Option<u64>,
    pub(super) leaving: bool,
}

impl Standing {
    pub(super) fn new(assignment: &Assignment) -> Self {
        Self {
            leased: assignment.leased,
            takeover: assignment.takeover,
            writing: if assignment.leased {
                Writing::Not
            } else {
                Writing::Always
            },
            noted: None,
            target: (!assignment.takeover).then_some(0),
            leaving: false,
        }
    }

    /// True when the edge has to be told something because of it.
    pub(super) fn answered(&mut self, answered: &Answered) -> bool {
        if self.leased {
            self.writing = match (answered.lease_until_ms, self.writing) {
                (None, _) => Writing::Always,
                // A late answer does not shorten what an earlier one has given.
                (Some(until_ms), Writing::Until(known_ms)) => Writing::Until(until_ms.max(known_ms)),
                (Some(until_ms), _) => Writing::Until(until_ms),
            };
        }
        let inventory = &answered.inventory;
        let is_news = self.noted != Some(inventory.noted) || self.target < Some(inventory.last);
        self.noted = Some(inventory.noted);
        self.target = self.target.max(Some(inventory.last));
        is_news
    }

    /// What an answer has allowed up to a moment is allowed up to this one. Before an answer there is nothing that could last.
    pub(super) fn renewed(&mut self, until_ms: u64) {
        if let Writing::Until(known_ms) = &mut self.writing {
            *known_ms = until_ms.max(*known_ms);
        }
    }

    /// All slices of other spools are known.
    pub(super) fn knows_all(&self, learned_to: u64) -> bool {
        self.target.is_some_and(|target| learned_to >= target)
    }

    /// The edge has noted all slices.
    pub(super) fn has_told(&self, confirmed: u64) -> bool {
        self.noted.is_some_and(|noted| noted >= confirmed)
    }

    /// `writes`: the playlists are this node's.
    pub(super) fn writing(&self, writes: bool, learned_to: u64) -> Writing {
        if writes && self.knows_all(learned_to) {
            self.writing
        } else {
            Writing::Not
        }
    }

    /// `records`: capture goes on. `started_ms`: the beginning of the recording's timeline.
    pub(super) fn report(&self, spool: &Spool, records: bool, started_ms: u64) -> SpoolReport {
        let spans = if self.leaving || self.takeover {
            spool.spans(started_ms)
        } else {
            Vec::new()
        };
        SpoolReport {
            leaving: self.leaving && records,
            spans,
            ..spool.told(self.noted.unwrap_or(u64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::InventoryPage;

    use super::*;

    fn assignment(takeover: bool) -> Assignment {
        Assignment {
            leased: true,
            takeover,
            ..Assignment::default()
        }
    }

    fn answer(lease_until_ms: Option<u64>, noted: u64, last: u64) -> Answered {
        Answered {
            videos: 0,
            lease_until_ms,
            inventory: InventoryPage {
                noted,
                last,
                ..InventoryPage::default()
            },
        }
    }

    #[test]
    fn without_an_edge_nothing_limits_it() {
        let standing = Standing::new(&Assignment::default());
        assert_eq!(standing.writing(true, 0), Writing::Always);
        assert_eq!(standing.writing(false, 0), Writing::Not);
    }

    #[test]
    fn playlists_are_written_from_an_answer_until_its_lease_ends() {
        let mut standing = Standing::new(&assignment(false));
        assert_eq!(standing.writing(true, 0), Writing::Not);
        assert!(standing.answered(&answer(Some(12_000), 0, 0)));
        assert!(!standing.answered(&answer(Some(11_000), 0, 0)));
        assert_eq!(standing.writing(true, 0), Writing::Until(12_000));
        standing.answered(&answer(None, 0, 0));
        assert_eq!(standing.writing(true, 0), Writing::Always);
    }

    #[test]
    fn a_renewal_prolongs_what_an_answer_has_allowed_and_nothing_else() {
        let mut standing = Standing::new(&assignment(false));
        standing.renewed(12_000);
        assert_eq!(standing.writing(true, 0), Writing::Not);
        standing.answered(&answer(Some(10_000), 0, 0));
        standing.renewed(12_000);
        standing.renewed(11_000);
        assert_eq!(standing.writing(true, 0), Writing::Until(12_000));
        standing.answered(&answer(None, 0, 0));
        standing.renewed(13_000);
        assert_eq!(standing.writing(true, 0), Writing::Always);
    }

    #[test]
    fn who_takes_over_writes_nothing_before_all_slices_are_known() {
        let mut standing = Standing::new(&assignment(true));
        assert!(!standing.knows_all(0));
        standing.answered(&answer(Some(12_000), 0, 7));
        assert_eq!(standing.writing(true, 6), Writing::Not);
        assert_eq!(standing.writing(true, 7), Writing::Until(12_000));
        // A node that was lost has told more.
        standing.answered(&answer(Some(13_000), 0, 9));
        assert_eq!(standing.writing(true, 7), Writing::Not);
    }

    #[test]
    fn the_end_waits_until_all_slices_are_noted() {
        let mut standing = Standing::new(&assignment(false));
        assert!(!standing.has_told(0));
        assert!(standing.answered(&answer(None, 3, 0)));
        assert!(standing.has_told(3) && !standing.has_told(4));
    }
}
