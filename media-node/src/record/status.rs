use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{EndCause, Fault, MixCounters, Problem, ProblemCode, TrackKind};

const MAX_PROBLEMS: usize = 16;

/// The most causes that are remembered, so as to be told only once; with one more, all are forgotten.
const MAX_REMEMBERED: usize = 1000;

/// How long a recording is without media before it counts as idle.
const IDLE_AFTER_MS: u64 = 3_000;

/// How a recording fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When the channel became empty, in Unix milliseconds: no recorded stream brings media, and the roster shows nobody
    /// whose [presence](super::follow::Presence) counts. `None` while it is not empty.
    pub idle_since_ms: Option<u64>,
    /// Wall-clock time of the first recorded media.
    pub first_media_ms: Option<u64>,
    /// Packets that never came, by the gaps in their sequence numbers.
    pub lost_packets: u64,
    /// Units whose time was not their sender's, because that lay before what was there or far from it.
    pub restamped_units: u64,
    /// What the mixer did; `None` in individual mode.
    pub mix: Option<MixCounters>,
    /// Who speaks, or spoke last: in a mix whose picture follows the speaker, or else as the roster tells.
    pub speaker: Option<String>,
    /// The tracks that arrive at present, by uid.
    pub received: BTreeSet<(String, TrackKind)>,
    /// The newest problems, oldest first; at most 16.
    pub problems: Vec<Problem>,
}

/// From one speaker to the next, where only those who ask are told.
const SPEAKER_EVERY_MS: u64 = 10_000;

/// How capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As the edge has directed, or because it cannot go on. The recording ends with this cause.
    Over(EndCause),
    /// By its [interruption](super::Context::interruption): another process may go on.
    Interrupted,
}

/// What a recording's parts tell of themselves. Pure: times come from the caller, in Unix milliseconds.
#[derive(Debug)]
pub(super) struct Board {
    started_ms: u64,
    last_media_ms: Option<u64>,
    first_media_ms: Option<u64>,
    lost_packets: u64,
    restamped_units: u64,
    mix: Option<MixCounters>,
    /// Who speaks in a mix whose picture follows the speaker,
    speaker: Option<String>,
    /// or else as the roster tells, and since when that is told.
    heard: (Option<String>, u64),
    /// When each user's tracks last brought media, without those that have long ceased to.
    tracks: BTreeMap<(String, TrackKind), u64>,
    problems: VecDeque<Problem>,
    told: BTreeSet<String>,
}

impl Board {
    pub(super) fn new(started_ms: u64, first_media_ms: Option<u64>) -> Self {
        Self {
            started_ms,
            last_media_ms: None,
            first_media_ms,
            lost_packets: 0,
            restamped_units: 0,
            mix: None,
            speaker: None,
            heard: (None, 0),
            tracks: BTreeMap::new(),
            problems: VecDeque::new(),
            told: BTreeSet::new(),
        }
    }

    /// Media has arrived.
    pub(super) fn media(&mut self, now_ms: u64) {
        self.last_media_ms = self.last_media_ms.max(Some(now_ms));
    }

    /// Media of a user's track has arrived.
    pub(super) fn track(&mut self, uid: &str, track: TrackKind, now_ms: u64) {
        match self.tracks.get_mut(&(uid.to_owned(), track)) {
            Some(last_ms) => *last_ms = now_ms.max(*last_ms),
            None => drop(self.tracks.insert((uid.to_owned(), track), now_ms)),
        }
    }

    /// A slice begins.
    pub(super) fn recorded(&mut self, start_ms: u64) {
        self.first_media_ms = Some(self.first_media_ms.map_or(start_ms, |first| first.min(start_ms)));
    }

    pub(super) fn lost(&mut self, packets: u64) {
        self.lost_packets = self.lost_packets.saturating_add(packets);
    }

    pub(super) fn restamped(&mut self) {
        self.restamped_units = self.restamped_units.saturating_add(1);
    }

    pub(super) fn mixed(&mut self, counters: MixCounters, speaker: Option<&str>) {
        self.mix = Some(counters);
        if self.speaker.as_deref() != speaker {
            self.speaker = speaker.map(str::to_owned);
        }
    }

    /// Who speaks as the roster tells. Each change of it is a report to the edge: those that follow one another quickly are left out.
    pub(super) fn heard(&mut self, speaker: Option<&str>, now_ms: u64) {
        let (told, since_ms) = &mut self.heard;
        let is_soon = told.is_some() && now_ms.saturating_sub(*since_ms) < SPEAKER_EVERY_MS;
        if told.as_deref() != speaker && !is_soon {
            self.heard = (speaker.map(str::to_owned), now_ms);
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        tracing::warn!(code = %problem.code, "{}", problem.message);
        if self.problems.len() == MAX_PROBLEMS {
            self.problems.pop_front();
        }
        self.problems.push_back(problem);
    }

    /// Like [`Self::problem`], but only the first time for a `cause`, until it is [over](Self::over).
    pub(super) fn problem_once(&mut self, cause: &str, problem: Problem) {
        if self.told.len() >= MAX_REMEMBERED {
            self.told.clear();
        }
        if self.told.insert(cause.to_owned()) {
            self.problem(problem);
        }
    }

    pub(super) fn over(&mut self, cause: &str) {
        self.told.remove(cause);
    }

    pub(super) fn status(&mut self, now_ms: u64) -> Status {
        self.tracks.retain(|_, last_ms| is_fresh(*last_ms, now_ms));
        let since = self.last_media_ms.unwrap_or(self.started_ms);
        Status {
            idle_since_ms: (self.last_media_ms.is_none() || now_ms.saturating_sub(since) >= IDLE_AFTER_MS)
                .then_some(since),
            first_media_ms: self.first_media_ms,
            lost_packets: self.lost_packets,
            restamped_units: self.restamped_units,
            mix: self.mix,
            speaker: self.speaker.clone().or_else(|| self.heard.0.clone()),
            received: self.tracks.keys().cloned().collect(),
            problems: self.problems.iter().cloned().collect(),
        }
    }
}

fn is_fresh(last_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(last_ms) < IDLE_AFTER_MS
}

/// A board that the tasks and threads of a recording share.
#[derive(Clone, Debug)]
pub(super) struct SharedBoard(Arc<Mutex<Board>>);

impl SharedBoard {
    pub(super) fn new(board: Board) -> Self {
        Self(Arc::new(Mutex::new(board)))
    }

    /// Every change of a board is whole, so a panic elsewhere cannot have left half of one.
    pub(super) fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn problem(fault: Fault, code: ProblemCode, message: String, at_ms: u64) -> Problem {
    Problem {
        fault,
        code,
        message,
        at_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_problem(number: u64) -> Problem {
        problem(Fault::Ours, ProblemCode::Internal, number.to_string(), number)
    }

    #[test]
    fn of_speakers_who_take_turns_quickly_not_each_one_is_told() {
        let mut board = Board::new(0, None);
        let mut speaks = |speaker, now_ms| {
            board.heard(speaker, now_ms);
            board.status(now_ms).speaker
        };
        assert_eq!(speaks(None, 1), None);
        assert_eq!(speaks(Some("a"), 2).as_deref(), Some("a"));
        assert_eq!(speaks(Some("b"), 3_000).as_deref(), Some("a"));
        assert_eq!(speaks(Some("b"), 2 + SPEAKER_EVERY_MS).as_deref(), Some("b"));
        board.mixed(MixCounters::default(), Some("c"));
        assert_eq!(board.status(0).speaker.as_deref(), Some("c"), "who is shown large");
    }

    #[test]
    fn idle_since_the_last_media_or_the_start() {
        let mut board = Board::new(1_000, None);
        assert_eq!(board.status(1_500).idle_since_ms, Some(1_000));
        board.media(2_000);
        assert_eq!(board.status(2_000 + IDLE_AFTER_MS - 1).idle_since_ms, None);
        assert_eq!(board.status(2_000 + IDLE_AFTER_MS).idle_since_ms, Some(2_000));
        board.media(9_000);
        board.media(8_000);
        assert_eq!(board.status(9_000 + IDLE_AFTER_MS).idle_since_ms, Some(9_000));
    }

    #[test]
    fn users_who_come_and_go_leave_nothing_behind() {
        let mut board = Board::new(0, None);
        for number in 0..20_000_u64 {
            board.track(&number.to_string(), TrackKind::Audio, number * 1_000);
            let received = board.status(number * 1_000).received;
            assert!(received.contains(&(number.to_string(), TrackKind::Audio)));
            assert!(received.len() <= 3 && board.tracks.len() <= 3, "{received:?}");
        }
    }

    #[test]
    fn keeps_the_newest_problems() {
        let mut board = Board::new(0, None);
        for number in 0..20 {
            board.problem(some_problem(number));
        }
        let kept: Vec<_> = board.status(0).problems.iter().map(|problem| problem.at_ms).collect();
        assert_eq!(kept, (4..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_cause_is_told_once_until_it_is_over() {
        let mut board = Board::new(0, None);
        board.problem_once("a", some_problem(1));
        board.problem_once("a", some_problem(2));
        board.over("a");
        board.problem_once("a", some_problem(3));
        let kept: Vec<_> = board.status(0).problems.iter().map(|problem| problem.at_ms).collect();
        assert_eq!(kept, [1, 3]);
    }

    #[test]
    fn the_first_media_is_the_earliest() {
        let mut board = Board::new(0, Some(50));
        board.recorded(70);
        assert_eq!(board.status(0).first_media_ms, Some(50));
        board.recorded(20);
        assert_eq!(board.status(0).first_media_ms, Some(20));
    }
}
