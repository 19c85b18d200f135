use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{Fault, Problem, ProblemCode};

use super::fault::UploadFault;
use super::task::{Item, Task};
use crate::backoff::Backoff;

/// Requests of one recording at the same time.
const MOST_IN_FLIGHT: usize = 4;
/// What is held in memory of files while they travel.
const MOST_BYTES_IN_FLIGHT: u64 = 64 << 20;
/// A store that does not answer is a problem only after a while.
const PATIENCE_MS: u64 = 10_000;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whether a problem that an uploader told is that the store will not, rather than that it cannot at present.
pub fn is_refusal(problem: &Problem) -> bool {
    matches!(problem.code, ProblemCode::UploadRefused | ProblemCode::VodRefused)
}

/// Decides which requests are made when. Pure: time is an argument, in milliseconds of any clock that does not go back.
#[derive(Debug)]
pub(super) struct Schedule {
    in_flight: BTreeMap<Item, u64>,
    failing: BTreeMap<Item, Failing>,
    backoff: Backoff,
    closed_until_ms: u64,
    /// When the first failure since the last success was, in milliseconds.
    down_since_ms: Option<u64>,
}

#[derive(Debug)]
struct Failing {
    attempts: u32,
    since_ms: u64,
    fault: Fault,
    code: ProblemCode,
    message: String,
}

impl Schedule {
    pub(super) fn new() -> Self {
        Self {
            in_flight: BTreeMap::new(),
            failing: BTreeMap::new(),
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            closed_until_ms: 0,
            down_since_ms: None,
        }
    }

    /// What to do at this moment, out of what is due. What has failed waits behind what has not, so that one object that the
    /// store will not take keeps no other back. While the last request failed, one at a time is made.
    pub(super) fn next(&mut self, mut due: Vec<Task>, now_ms: u64) -> Vec<Task> {
        if now_ms < self.closed_until_ms {
            return Vec::new();
        }
        due.retain(|task| !self.in_flight.contains_key(&task.item()));
        due.sort_by_key(|task| self.failing.get(&task.item()).map_or(0, |failing| failing.attempts));
        let most = if self.backoff.failures() > 0 { 1 } else { MOST_IN_FLIGHT };
        let mut chosen = Vec::new();
        for task in due {
            let bytes: u64 = self.in_flight.values().sum();
            let fits = self.in_flight.is_empty() || bytes + task.bytes() <= MOST_BYTES_IN_FLIGHT;
            if self.in_flight.len() >= most || !fits {
                break;
            }
            self.in_flight.insert(task.item(), task.bytes());
            chosen.push(task);
        }
        chosen
    }

    pub(super) fn succeeded(&mut self, item: &Item) {
        self.in_flight.remove(item);
        self.failing.remove(item);
        self.down_since_ms = None;
        self.reopen();
    }

    /// Something has changed that may have kept requests from succeeding: the next one need not wait.
    pub(super) fn reopen(&mut self) {
        self.backoff.reset();
        self.closed_until_ms = 0;
    }

    /// Notes a failure and returns the pause that follows it.
    pub(super) fn failed(
        &mut self,
        item: Item,
        fault: &UploadFault,
        place: &str,
        now_ms: u64,
        chance: u32,
    ) -> Duration {
        self.in_flight.remove(&item);
        let (whose, code, what) = match fault {
            UploadFault::Refused(said) | UploadFault::UnknownKey(said) => (
                Fault::Destination,
                ProblemCode::UploadRefused,
                format!(
                    "{place} refuses uploads: {said}; see that it exists, and that the keys of its storageConfig may write there"
                ),
            ),
            UploadFault::KeysEnded(said) => (
                Fault::Destination,
                ProblemCode::UploadKeysEnded,
                format!("{place} refuses uploads: {said}"),
            ),
            UploadFault::Rejected(said) => (
                Fault::Caller,
                ProblemCode::VodRefused,
                format!(
                    "{place} does not accept the description of the video: {said}; the recording ends, start another one \
                     with a videoData that names what exists there"
                ),
            ),
            UploadFault::Unavailable(said) => (
                Fault::Destination,
                ProblemCode::UploadFailing,
                format!("{place} does not accept uploads: {said}; see that it runs and that this node reaches it"),
            ),
            UploadFault::Clock(said) => (
                Fault::Ours,
                ProblemCode::ClockSkewed,
                format!(
                    "{place} refuses uploads because of the time: {said}; set the node's clock, and have NTP keep it right"
                ),
            ),
            UploadFault::Backup(said) => (
                Fault::Ours,
                ProblemCode::BackupFailing,
                format!("{said}; see that it runs, and that its keys may read there"),
            ),
            UploadFault::Disk(said) => (
                Fault::Ours,
                ProblemCode::SpoolFailed,
                format!("{said}; is the node's disk full or failing?"),
            ),
        };
        if !matches!(fault, UploadFault::Disk(_) | UploadFault::Backup(_)) {
            self.down_since_ms.get_or_insert(now_ms);
        }
        let failing = self.failing.entry(item).or_insert_with(|| Failing {
            attempts: 0,
            since_ms: now_ms,
            fault: whose,
            code: code.clone(),
            message: String::new(),
        });
        failing.attempts = failing.attempts.saturating_add(1);
        (failing.fault, failing.code, failing.message) = (whose, code, what);
        let pause = self.backoff.pause(chance);
        self.closed_until_ms = now_ms + pause.as_millis() as u64;
        pause
    }

    /// What is not due any more, because another store has it or nobody wants it, fails no longer.
    pub(super) fn forget_unless(&mut self, is_due: impl Fn(&Item) -> bool) {
        let in_flight = &self.in_flight;
        self.failing
            .retain(|item, _| in_flight.contains_key(item) || is_due(item));
        if self.failing.is_empty() && self.in_flight.is_empty() {
            self.down_since_ms = None;
        }
    }

    pub(super) fn is_in_flight(&self, item: &Item) -> bool {
        self.in_flight.contains_key(item)
    }

    /// Since when no request has succeeded.
    pub(super) fn down_since_ms(&self) -> Option<u64> {
        self.down_since_ms
    }

    /// Since when this one has not.
    pub(super) fn failing_since_ms(&self, item: &Item) -> Option<u64> {
        self.failing.get(item).map(|failing| failing.since_ms)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// When the next request may be made.
    pub(super) fn closed_until_ms(&self) -> u64 {
        self.closed_until_ms
    }

    /// What keeps uploads back, if it is worth telling: at once when the store refuses, else after a while.
    pub(super) fn problem(&self, now_ms: u64) -> Option<Problem> {
        self.failing
            .values()
            .filter(|failing| {
                failing.code != ProblemCode::UploadFailing || now_ms.saturating_sub(failing.since_ms) >= PATIENCE_MS
            })
            .min_by_key(|failing| failing.since_ms)
            .map(|failing| Problem {
                fault: failing.fault,
                code: failing.code.clone(),
                message: match failing.code {
                    ProblemCode::VodRefused => failing.message.clone(),
                    _ => format!("{}; it is retried until it works", failing.message),
                },
                at_ms: failing.since_ms,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{Content, DueFile, DuePlaylist};

    fn slice(number: u64, bytes: u64) -> Task {
        Task::File(DueFile {
            number,
            content: Content::Slice,
            name: format!("{number}.ts"),
            path: "x".into(),
            bytes,
        })
    }

    fn playlist() -> Task {
        Task::Playlist(DuePlaylist {
            name: "p".to_owned(),
            slices: Vec::new(),
            own: 0,
            learned: 0,
            only_grows: true,
            ended: false,
        })
    }

    fn items(tasks: &[Task]) -> Vec<Item> {
        tasks.iter().map(Task::item).collect()
    }

    #[test]
    fn the_number_is_bounded() {
        let mut schedule = Schedule::new();
        let due: Vec<_> = std::iter::once(playlist())
            .chain((0..9).map(|number| slice(number, 1)))
            .collect();
        let chosen = schedule.next(due.clone(), 0);
        assert_eq!(
            items(&chosen),
            [
                Item::Playlist("p".to_owned()),
                Item::File(0),
                Item::File(1),
                Item::File(2)
            ]
        );
        assert!(schedule.next(due.clone(), 0).is_empty());
        schedule.succeeded(&Item::File(1));
        assert_eq!(items(&schedule.next(due, 0)), [Item::File(1)]);
    }

    #[test]
    fn what_is_held_in_memory_is_bounded() {
        let mut schedule = Schedule::new();
        let due = vec![slice(0, 60 << 20), slice(1, 20 << 20), slice(2, 1)];
        assert_eq!(items(&schedule.next(due.clone(), 0)), [Item::File(0)]);
        assert!(schedule.next(due, 0).is_empty());
    }

    #[test]
    fn a_file_of_gigabytes_keeps_no_slice_back() {
        let mut schedule = Schedule::new();
        let due = vec![slice(0, 2 << 30), slice(1, 1 << 20)];
        assert_eq!(items(&schedule.next(due, 0)), [Item::File(0), Item::File(1)]);
    }

    #[test]
    fn after_a_failure_others_go_first_one_at_a_time_after_a_pause() {
        let mut schedule = Schedule::new();
        let due = vec![slice(0, 1), slice(1, 1), slice(2, 1)];
        schedule.next(due.clone(), 0);
        for number in 0..3 {
            let fault = UploadFault::Unavailable("down".to_owned());
            schedule.failed(Item::File(number), &fault, "there", 100, u32::MAX);
        }
        assert!(schedule.next(due.clone(), 200).is_empty());
        assert_eq!(schedule.closed_until_ms(), 100 + 1000);
        let due_with_new = [due, vec![slice(3, 1)]].concat();
        assert_eq!(items(&schedule.next(due_with_new.clone(), 1100)), [Item::File(3)]);
        schedule.succeeded(&Item::File(3));
        assert_eq!(schedule.next(due_with_new, 1100).len(), 4);
    }

    #[test]
    fn what_is_not_due_any_more_fails_no_longer() {
        let mut schedule = Schedule::new();
        let due = vec![slice(0, 1), slice(1, 1)];
        schedule.next(due.clone(), 0);
        let fault = UploadFault::Refused("no".to_owned());
        schedule.failed(Item::File(0), &fault, "there", 0, 0);
        schedule.forget_unless(|item| items(&due).contains(item));
        assert!(schedule.problem(0).is_some());
        schedule.forget_unless(|item| *item == Item::File(1));
        assert_eq!((schedule.problem(0), schedule.down_since_ms()), (None, Some(0)));
        schedule.failed(Item::File(1), &fault, "there", 5, 0);
        schedule.forget_unless(|_| false);
        assert_eq!((schedule.problem(9), schedule.down_since_ms()), (None, None));
    }

    #[test]
    fn whatever_keeps_uploads_back_is_told_with_what_to_do() {
        let words = |fault: fn(String) -> UploadFault| fault("what it said".to_owned());
        for (fault, code, cure) in [
            (
                words(UploadFault::Refused),
                ProblemCode::UploadRefused,
                "may write there",
            ),
            (
                words(UploadFault::UnknownKey),
                ProblemCode::UploadRefused,
                "may write there",
            ),
            (
                words(UploadFault::Rejected),
                ProblemCode::VodRefused,
                "start another one",
            ),
            (
                words(UploadFault::Unavailable),
                ProblemCode::UploadFailing,
                "this node reaches it",
            ),
            (
                words(UploadFault::Clock),
                ProblemCode::ClockSkewed,
                "set the node's clock",
            ),
            (words(UploadFault::Backup), ProblemCode::BackupFailing, "may read there"),
            (words(UploadFault::Disk), ProblemCode::SpoolFailed, "disk full"),
        ] {
            let mut schedule = Schedule::new();
            schedule.failed(Item::File(0), &fault, "bucket b", 0, 0);
            let problem = schedule.problem(PATIENCE_MS).unwrap();
            assert_eq!(problem.code, code);
            assert!(
                problem.message.contains("what it said") && problem.message.contains(cure),
                "{problem:?}"
            );
            let is_retried = problem.message.ends_with("it is retried until it works");
            assert_eq!(is_retried, code != ProblemCode::VodRefused, "{problem:?}");
        }
    }

    #[test]
    fn a_refusal_is_told_at_once_and_silence_only_when_it_lasts() {
        let mut schedule = Schedule::new();
        schedule.failed(
            Item::File(0),
            &UploadFault::Unavailable("down".to_owned()),
            "there",
            1000,
            0,
        );
        assert_eq!(schedule.problem(1000 + PATIENCE_MS - 1), None);
        let problem = schedule.problem(1000 + PATIENCE_MS).unwrap();
        assert_eq!((problem.code, problem.at_ms), (ProblemCode::UploadFailing, 1000));
        schedule.failed(
            Item::File(1),
            &UploadFault::Refused("NoSuchBucket".to_owned()),
            "bucket b",
            2000,
            0,
        );
        let problem = schedule.problem(2000).unwrap();
        assert_eq!(
            (problem.code.clone(), problem.fault),
            (ProblemCode::UploadRefused, Fault::Destination)
        );
        assert!(
            problem.message.contains("bucket b") && problem.message.contains("NoSuchBucket"),
            "{problem:?}"
        );
        schedule.succeeded(&Item::File(1));
        schedule.succeeded(&Item::File(0));
        assert_eq!(schedule.problem(99_000), None);
    }
}
