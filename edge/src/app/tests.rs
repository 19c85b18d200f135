//! Requests, starts and news, in every order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::{EndCause, FileKind, Mode, RecordedFile, RecorderKey, TrackKind};

use super::*;
use crate::recording::{House, Standing, Status};

const NOW: u64 = 1_700_000_000_000;
const MINUTE: u64 = 60_000;

/// An app's usage with the rows that its object would keep.
#[derive(Default)]
struct Bench {
    usage: Usage,
    rows: BTreeMap<String, Row>,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            now: NOW,
            ..Self::default()
        }
    }

    fn keep(&mut self, change: Change) {
        for sid in change.delete {
            self.rows.remove(&sid);
        }
        self.rows.extend(change.put.map(|row| (row.listed.sid.clone(), row)));
    }

    fn admit(&mut self, method: Method, quota: u32, room: Room) -> Option<Denial> {
        let mut limits = Limits {
            recordings: quota,
            ..Limits::default()
        };
        limits.requests_per_second.set(Method::Start, 1_000);
        let (verdict, change) = self.usage.admit(Admit { method, limits, room }, self.now);
        self.keep(change);
        verdict.denial
    }

    fn start(&mut self, sid: &str, nonce: &str, quota: u32) -> Option<Denial> {
        self.admit(Method::Start, quota, Room::Taken(Box::new(reservation(sid, nonce))))
    }

    fn release(&mut self, sid: &str) {
        let change = self.usage.release(sid, self.now);
        self.keep(change);
    }

    fn told(&mut self, sid: &str, revision: u64, status: Status) {
        let change = self
            .usage
            .told(news(sid, revision, status), self.rows.get(sid).cloned(), self.now);
        self.keep(change);
    }

    fn recordings(&self) -> u32 {
        self.usage.view(Limits::default(), self.now).recordings
    }

    fn crash(&mut self) {
        self.usage = Usage::restore(self.rows.values().cloned(), self.now);
    }
}

fn reservation(sid: &str, nonce: &str) -> Reservation {
    Reservation {
        sid: sid.to_owned(),
        nonce: nonce.to_owned(),
        key: RecorderKey {
            app_id: "a".into(),
            channel: "c".into(),
            uid: "1".into(),
        },
        mode: Mode::Individual,
    }
}

fn news(sid: &str, revision: u64, status: Status) -> News {
    let over = status >= Status::Ended;
    News {
        reservation: reservation(sid, &format!("of {sid}")),
        revision,
        status,
        standing: Standing::default(),
        started_ms: NOW,
        ended_ms: over.then_some(NOW + 1),
        cause: over.then_some(EndCause::Stopped),
        held_up: 0,
        awaited: Vec::new(),
        house: None,
        files: Vec::new(),
        made: None,
        amends: false,
        expires_ms: NOW + 100 * MINUTE,
    }
}

#[test]
fn a_request_that_is_one_too_many_takes_no_place() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        assert_eq!(bench.admit(Method::Acquire, 1, Room::Some), None);
    }
    let denial = bench.admit(Method::Acquire, 1, Room::Taken(Box::new(reservation("s", "n"))));
    assert_eq!(denial, Some(Denial::TooManyRequests));
    assert!(bench.rows.is_empty());
}

#[test]
fn the_quota_is_exact() {
    let mut bench = Bench::new();
    for sid in ["a", "b", "c"] {
        assert_eq!(bench.start(sid, &format!("of {sid}"), 3), None);
    }
    let full = Some(Denial::NoRoom { recordings: 3 });
    assert_eq!(bench.start("d", "of d", 3), full);
    assert_eq!(bench.admit(Method::Acquire, 3, Room::Some), full);
    assert_eq!(bench.admit(Method::Query, 3, Room::None), None);
    assert_eq!(
        bench.start("e", "of a", 3),
        None,
        "a repeated start takes no second place"
    );
    assert_eq!(bench.start("d", "of d", 4), None);
    assert_eq!(bench.recordings(), 4);
    assert_eq!(bench.rows["a"].listed.status, Status::Placing);
}

#[test]
fn a_place_is_free_again_once_the_recording_captures_no_more() {
    let mut bench = Bench::new();
    bench.start("a", "of a", 1);
    bench.told("a", 1, Status::Started);
    bench.told("a", 2, Status::Recording);
    assert!(bench.start("b", "of b", 1).is_some());
    bench.told("a", 3, Status::Stopping);
    let view = bench.usage.view(Limits::default(), bench.now);
    assert_eq!((view.recordings, view.uploading), (0, 1));
    assert_eq!(bench.start("b", "of b", 1), None);
    bench.told("a", 4, Status::Ended);
    assert_eq!(bench.usage.view(Limits::default(), bench.now).uploading, 0);
    assert_eq!(bench.rows["a"].listed.cause, Some(EndCause::Stopped));
    // Late news do not bring it back.
    bench.told("a", 2, Status::Recording);
    assert_eq!(bench.rows["a"].listed.status, Status::Ended);
    assert_eq!(bench.recordings(), 1);
}

#[test]
fn a_start_that_fails_gives_its_place_back() {
    let mut bench = Bench::new();
    bench.start("a", "of a", 1);
    bench.release("a");
    assert_eq!((bench.recordings(), bench.rows.len()), (0, 0));
    bench.start("b", "of b", 1);
    bench.told("b", 1, Status::Started);
    bench.release("b");
    assert_eq!(bench.recordings(), 1, "what runs is not released");
}

#[test]
fn what_nobody_confirms_lapses() {
    let mut bench = Bench::new();
    bench.start("a", "of a", 2);
    bench.start("b", "of b", 2);
    bench.told("b", 1, Status::Recording);
    bench.now += MINUTE - 1;
    assert!(bench.start("c", "of c", 2).is_some());
    bench.now += 1;
    assert_eq!(bench.start("c", "of c", 2), None);
    assert!(!bench.rows.contains_key("a"), "a reservation leaves nothing behind");
    bench.now += 2 * MINUTE;
    assert_eq!(bench.start("d", "of d", 1), None, "the lease of b is over");
    assert_eq!(
        bench.rows["b"].listed.status,
        Status::Recording,
        "as it was last heard of"
    );
    bench.told("b", 2, Status::Recording);
    assert_eq!(bench.recordings(), 2, "it was not gone");
}

#[test]
fn a_crash_changes_nothing_but_the_present_second() {
    let mut bench = Bench::new();
    bench.start("a", "of a", 9);
    bench.start("b", "of b", 9);
    bench.told("b", 1, Status::Recording);
    bench.start("c", "of c", 9);
    bench.told("c", 1, Status::Ended);
    for _ in 0..10 {
        bench.admit(Method::Acquire, 9, Room::None);
    }
    bench.crash();
    assert_eq!(bench.recordings(), 2);
    assert!(bench.start("d", "of d", 2).is_some());
    assert_eq!(bench.start("e", "of a", 2), None, "resource IDs are remembered");
    bench.release("a");
    assert_eq!(bench.recordings(), 1);
}

#[test]
fn the_index_is_cleared_hourly_while_there_is_something_in_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.usage.next_alarm(), None);
    bench.start("a", "of a", 1);
    bench.usage.tally(NOW + MINUTE);
    bench.release("a");
    bench.usage.tally(NOW + MINUTE);
    assert_eq!(bench.usage.next_alarm(), Some(NOW + 60 * MINUTE));
    assert!(!bench.usage.is_purge_due(NOW) && bench.usage.is_purge_due(NOW + 60 * MINUTE));
    bench.usage.purged(true, NOW + 60 * MINUTE);
    assert_eq!(bench.usage.next_alarm(), Some(NOW + 120 * MINUTE));
    bench.usage.purged(false, NOW + 120 * MINUTE);
    assert_eq!(bench.usage.next_alarm(), None);
}

#[test]
fn figures_are_told_soon_after_a_change_and_repeated() {
    let mut bench = Bench::new();
    bench.start("a", "of a", 9);
    bench.start("b", "of b", 9);
    assert_eq!(bench.usage.next_alarm(), Some(NOW + 5_000));
    assert_eq!(bench.usage.tally(NOW + 4_999), None);
    bench.told("a", 1, Status::Recording);
    let tally = bench.usage.tally(NOW + 5_000).unwrap();
    assert_eq!((tally.placing, tally.recording), (1, 1));
    assert_eq!(bench.usage.next_alarm(), Some(NOW + 65_000));
    bench.now += 10_000;
    bench.told("a", 2, Status::Ended);
    bench.told("a", 3, Status::Ended);
    let tally = bench.usage.tally(NOW + 15_000).unwrap();
    assert_eq!(
        (tally.placing, &tally.ended),
        (1, &BTreeMap::from([(EndCause::Stopped, 1)]))
    );
    bench.usage.tally_lost(tally.clone(), NOW + 15_000);
    assert_eq!(bench.usage.tally(NOW + 20_000), Some(tally));
    bench.release("b");
    assert_eq!(
        bench.usage.tally(NOW + 80_000).unwrap(),
        crate::metrics::Tally::default()
    );
    assert_eq!(bench.usage.tally(NOW + 1_000_000), None, "nothing runs");
}

#[derive(Clone, Debug)]
enum Action {
    Start(u8),
    /// The start of this one failed, and its caller says so.
    Release(u8),
    /// Its recorder tells of it, unless that gets lost.
    Tell(u8),
    /// It ends, whether or not that is heard of.
    End(u8),
    Pass(u32),
    Crash,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0_u8..12).prop_map(Action::Start),
        1 => (0_u8..12).prop_map(Action::Release),
        6 => (0_u8..12).prop_map(Action::Tell),
        3 => (0_u8..12).prop_map(Action::End),
        2 => (1_u32..90_000).prop_map(Action::Pass),
        1 => Just(Action::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever gets lost, no more places are given out than there are, and in the end all of them are free.
    #[test]
    fn no_place_leaks(actions in prop::collection::vec(action(), 1..200)) {
        const QUOTA: u32 = 4;
        let mut bench = Bench::new();
        let mut revisions = BTreeMap::<String, u64>::new();
        let mut over = std::collections::BTreeSet::new();
        for action in actions {
            match action {
                Action::Start(n) => {
                    let sid = format!("s{n}");
                    let before = bench.recordings();
                    let denial = bench.start(&sid, &format!("of {sid}"), QUOTA);
                    prop_assert!(denial.is_none() || before >= QUOTA);
                    prop_assert!(bench.recordings() <= QUOTA.max(before));
                    if denial.is_none() {
                        revisions.entry(sid).or_default();
                    }
                }
                Action::Release(n) => bench.release(&format!("s{n}")),
                Action::Tell(n) => {
                    let sid = format!("s{n}");
                    let status = if over.contains(&sid) { Status::Ended } else { Status::Recording };
                    if let Some(revision) = revisions.get_mut(&sid) {
                        *revision += 1;
                        let revision = *revision;
                        bench.told(&sid, revision, status);
                    }
                }
                Action::End(n) => { over.insert(format!("s{n}")); }
                Action::Pass(ms) => bench.now += u64::from(ms),
                Action::Crash => bench.crash(),
            }
        }
        bench.now += 3 * MINUTE;
        prop_assert_eq!(bench.recordings(), 0);
        for n in 0..QUOTA {
            let sid = format!("new{n}");
            prop_assert_eq!(bench.start(&sid, &sid, QUOTA), None);
        }
    }
}

#[test]
fn events_that_are_held_up_are_told_until_they_are_not() {
    let mut bench = Bench::new();
    let held_up = |revision, held_up| News {
        held_up,
        ..news("s", revision, Status::Ended)
    };
    bench.usage.told(held_up(1, 7), None, NOW);
    let mut told = |at_ms| bench.usage.tally(at_ms).map(|tally| tally.held_up);
    assert_eq!(told(NOW + 5_000), Some(7), "though nothing runs");
    assert_eq!(told(NOW + 65_000), Some(7));
    assert_eq!(told(NOW + 3 * MINUTE + 5_000), Some(0), "not heard of for too long");
    bench.usage.told(held_up(2, 7), None, NOW + 4 * MINUTE);
    bench.usage.told(held_up(3, 0), None, NOW + 4 * MINUTE);
    let tally = bench.usage.tally(NOW + 5 * MINUTE).unwrap();
    assert_eq!(tally.held_up, 0);
    assert_eq!(bench.usage.tally(NOW + 7 * MINUTE), None, "nothing is left to tell");
}

#[test]
fn what_is_awaited_is_listed_as_long_as_its_recorder_says_so() {
    let mut bench = Bench::new();
    let awaited = vec![crate::recording::Awaited {
        node: "n1".into(),
        since_ms: NOW,
        until_ms: NOW + MINUTE,
    }];
    let late = News {
        awaited: awaited.clone(),
        ..news("s", 1, Status::Failed)
    };
    let row = bench.usage.told(late, None, NOW).put.unwrap();
    assert_eq!(row.listed.awaited, awaited);
    let kept: Row = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
    assert_eq!(kept, row);
    let over = bench
        .usage
        .told(news("s", 2, Status::Failed), Some(row), NOW)
        .put
        .unwrap();
    let text = serde_json::to_string(&over).unwrap();
    assert!(!text.contains("awaited"), "{text}");
}

#[test]
fn what_is_emptied_is_listed_on_and_what_is_hidden_is_kept() {
    let house = House {
        kept_ms: Some(MINUTE),
        ..House::default()
    };
    let file = || RecordedFile {
        name: "a.mp4".into(),
        track: TrackKind::Both,
        kind: FileKind::Mp4,
        uid: "0".into(),
        start_ms: NOW,
        duration_ms: 1,
        slices: 1,
        bytes: 1,
        uploaded_slices: 1,
        md5: None,
    };
    let told = |revision, status| News {
        house: Some(house.clone()),
        files: vec![file()],
        ..news("s", revision, status)
    };
    let mut bench = Bench::new();
    let mut tell = |news: News| {
        let change = bench.usage.told(news, bench.rows.get("s").cloned(), NOW);
        bench.keep(change);
        bench.rows["s"].clone()
    };
    let live = tell(told(1, Status::Recording));
    for runs in [empty(Some(live.clone()), NOW).0, hide(Some(live), NOW).0] {
        assert_eq!(runs, Erasing::Runs);
    }
    let over = tell(told(2, Status::Ended));
    let hidden = hide(Some(over.clone()), NOW).1.put.unwrap();
    assert!(hidden.hidden && hidden.listed.files.len() == 1 && hidden.expires_ms == over.expires_ms);

    let (begun, change) = empty(Some(over.clone()), NOW);
    let doomed = change.put.unwrap();
    assert_eq!(
        (begun, doomed.expires_ms, doomed.listed.files.len()),
        (Erasing::Begun, NOW, 0)
    );
    let (_, change) = due(doomed, NOW);
    let emptied = erased(change.put, Left::Nothing, NOW).put.unwrap();
    assert_eq!((&emptied.listed.erasure, emptied.expires_ms), (&None, over.expires_ms));
    let mut usage = Usage::default();
    let told_on = usage
        .told(told(3, Status::Ended), Some(emptied.clone()), NOW)
        .put
        .unwrap();
    assert!(
        told_on.emptied && told_on.listed.files.is_empty(),
        "late news bring no files back"
    );
    // Who wants the record deleted as well gets it, before the files are gone and afterwards.
    let both = erase(change_of(empty(Some(over), NOW)), NOW).1.put;
    assert_eq!(erased(both, Left::Nothing, NOW).delete, ["s"]);
    let later = erase(Some(emptied), NOW).1.put;
    assert_eq!(erased(later, Left::Nothing, NOW).delete, ["s"]);
}

fn change_of((_, change): (Erasing, Change)) -> Option<Row> {
    change.put
}
