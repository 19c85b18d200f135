use protocol::{
    EndCause, Fault, Happening, JobRequest, Occurrence, Occurrences, Phase, Problem, Report, StorageKind, TrackKind,
    Vod, VodVideo,
};

use super::bench::*;
use crate::recording::{Command, Delivery, Event, Input, Outcome, Replay, Reply, Request, What, Who, next_alarm};

const DAY: u64 = 24 * HOUR;

fn stream(number: u64) -> Happening {
    Happening::StreamChanged {
        uid: "7".to_owned(),
        track: TrackKind::Audio,
        receiving: number % 2 == 1,
        at_ms: T0 + number,
    }
}

/// A log with these numbers.
fn log(log: u64, numbers: std::ops::RangeInclusive<u64>) -> Occurrences {
    let list = numbers.map(|number| Occurrence {
        number,
        what: stream(number),
    });
    Occurrences {
        log,
        list: list.collect(),
    }
}

fn problem(code: &str, at_ms: u64) -> Problem {
    Problem {
        fault: Fault::Destination,
        code: code.to_owned(),
        message: code.to_owned(),
        at_ms,
    }
}

fn failed() -> Delivery {
    Delivery::Failed {
        status: Some(500),
        error: "500".to_owned(),
    }
}

/// A recording whose first two events have arrived; deliveries wait from here on.
fn held() -> Bench {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.deliveries = Some(Vec::new());
    bench
}

impl Bench {
    fn events(&self, sid: &str) -> Vec<Event> {
        self.receiver.logs[sid].events().into_iter().cloned().collect()
    }

    fn what(&self, sid: &str) -> Vec<What> {
        let incidents = self.receiver.logs[sid].incidents.iter();
        incidents.map(|incident| incident.what.clone()).collect()
    }

    fn arrived(&self, sid: &str) -> Vec<u64> {
        self.receiver.logs[sid].arrived.clone()
    }

    /// Answers the one delivery that is under way.
    fn answer(&mut self, result: Delivery) {
        let deliveries = self.deliveries.as_mut().unwrap();
        assert_eq!(deliveries.len(), 1, "one at a time");
        let (sid, position) = deliveries.remove(0);
        self.delivered(&sid, position, result);
    }

    /// Lets time pass until a delivery is asked for, an hour at most.
    fn await_delivery(&mut self) {
        let end = self.now + HOUR;
        while self.under_way() == 0 && self.now < end {
            let due = next_alarm(&self.state).map_or(end, |due| due.min(end));
            self.pass(due.saturating_sub(self.now));
        }
    }

    fn under_way(&self) -> usize {
        self.deliveries.as_ref().unwrap().len()
    }

    fn happen(&mut self, numbers: std::ops::RangeInclusive<u64>) -> Option<protocol::Confirmed> {
        let report = self.make_report("s1", "n1", 1, |report| report.occurrences = log(1, numbers));
        match self.ask(Request::Report(Box::new(report))).1 {
            Some(Reply::Desired(answer)) => answer.confirmed,
            other => panic!("{other:?}"),
        }
    }

    fn replay(&mut self, numbers: Vec<u64>) -> u64 {
        let sid = "s1".to_owned();
        match self.ask(Request::Replay(Replay { sid, numbers })).1 {
            Some(Reply::Replayed { count }) => count,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_life_of_a_recording_is_told_in_order() {
    let mut bench = Bench::started("s1", ticket("a"));
    let begun = |uid: &str| Happening::SliceStarted {
        uid: uid.to_owned(),
        track: TrackKind::Video,
        start_ms: T0,
        interrupted_ms: None,
    };
    bench.report("s1", "n1", 1, |report| {
        report.first_media_ms = Some(T0);
        report.occurrences.list = vec![Occurrence {
            number: 1,
            what: begun("7"),
        }];
    });
    bench.stop("s1", true);
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.cause = Some(EndCause::Stopped);
        report.files = vec![file("a", 2, 1)];
    });
    bench.report("s1", "n1", 1, |report| {
        ended(EndCause::Stopped)(report);
        report.files = vec![file("a", 2, 2)];
    });
    let cause = EndCause::Stopped;
    assert_eq!(
        bench.events("s1"),
        [
            Event::RecorderStarted,
            Event::UploaderStarted,
            Event::Happened(begun("7")),
            Event::RecorderLeft { cause },
            Event::Progress {
                uploaded: 2,
                recorded: 2
            },
            Event::Uploaded {
                files: vec![file("a", 2, 2)]
            },
            Event::Exited { cause, complete: true },
        ]
    );
    assert_eq!(bench.arrived("s1"), (0..7).collect::<Vec<_>>());
    let node = || "n1".to_owned();
    assert_eq!(
        bench.what("s1"),
        [
            What::Requested,
            What::Started { node: node(), epoch: 1 },
            What::MediaBegan { first_media_ms: T0 },
            What::StopOrdered {
                cause,
                by: Who::Operator
            },
            What::CaptureEnded { cause },
            What::Ended { cause },
        ]
    );
}

#[test]
fn without_media_nothing_is_uploaded_and_a_lost_node_is_an_error() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, ended(EndCause::Idle));
    let cause = EndCause::Idle;
    assert_eq!(
        bench.events("s1")[2..],
        [Event::RecorderLeft { cause }, Event::Exited { cause, complete: true }]
    );

    let mut bench = Bench::started("s1", ticket("a"));
    bench.pass(31 * MINUTE);
    let events = bench.events("s1");
    assert!(matches!(&events[2], Event::Problem(problem) if problem.code == "node_lost"));
    let cause = EndCause::NodeLost;
    assert_eq!(events[3..], [Event::Exited { cause, complete: false }]);
    let (node, what) = ("n1".to_owned(), bench.what("s1"));
    assert!(what.contains(&What::LeaseLost { node, epoch: 1 }), "{what:?}");

    // The node comes back, uploads what it has, and tells what happened before it was lost.
    bench.report("s1", "n1", 1, |report| {
        ended(EndCause::LeaseLost)(report);
        report.files = vec![file("a", 3, 3)];
        report.occurrences = log(1, 1..=1);
    });
    let events = bench.events("s1");
    assert!(
        matches!(&events[4..], [Event::Happened(_), Event::Progress { .. }, Event::Uploaded { files }] if files.len() == 1),
        "{events:?}"
    );
}

#[test]
fn a_failed_delivery_is_repeated_after_growing_pauses_and_holds_back_what_follows() {
    let mut bench = held();
    bench.happen(1..=2);
    assert_eq!(bench.deliveries, Some(vec![("s1".to_owned(), 2)]));
    for pause_ms in [1_000, 2_000, 4_000] {
        bench.answer(failed());
        bench.pass(pause_ms - 1);
        assert_eq!(bench.under_way(), 0);
        bench.pass(1);
        assert_eq!(bench.deliveries, Some(vec![("s1".to_owned(), 2)]));
        bench.report("s1", "n1", 1, |_| {});
    }
    bench.answer(Delivery::Delivered { status: 200 });
    bench.answer(Delivery::Delivered { status: 200 });
    assert_eq!((bench.arrived("s1"), bench.under_way()), (vec![0, 1, 2, 3], 0));

    // The next failure begins with a short pause again.
    bench.happen(3..=3);
    bench.answer(failed());
    bench.pass(1_000);
    assert_eq!(bench.under_way(), 1);
}

#[test]
fn one_recordings_receiver_holds_back_no_other() {
    let mut bench = held();
    bench.happen(1..=1);
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    bench.start_on("s2", ticket("b"), "n2");
    let sids: Vec<_> = bench.deliveries.iter().flatten().map(|(sid, _)| sid.as_str()).collect();
    assert_eq!(sids, ["s1", "s2"]);
}

#[test]
fn a_delivery_that_is_lost_in_a_crash_is_repeated_at_once() {
    let mut bench = held();
    bench.happen(1..=1);
    bench.crash();
    bench.deliveries = Some(Vec::new());
    bench.step(Input::Alarm);
    assert_eq!(bench.deliveries, Some(vec![("s1".to_owned(), 2)]));
    // Without a crash its result is waited for, in vain.
    bench.deliveries = Some(Vec::new());
    for _ in 0..6 {
        bench.pass(4_999);
        bench.report("s1", "n1", 1, |_| {});
    }
    assert_eq!(bench.under_way(), 0);
    bench.pass(6);
    assert_eq!(bench.under_way(), 1);
}

#[test]
fn a_late_result_of_what_was_repeated_changes_nothing() {
    let mut bench = held();
    bench.happen(1..=2);
    bench.answer(Delivery::Delivered { status: 200 });
    bench.step(Input::Delivered {
        sid: "s1".to_owned(),
        position: 2,
        result: failed(),
        chance: 0,
    });
    assert_eq!(bench.deliveries, Some(vec![("s1".to_owned(), 3)]));
    assert!(bench.receiver.logs["s1"].given_up().is_empty());
}

#[test]
fn what_is_not_delivered_in_a_day_is_given_up_and_can_be_replayed() {
    let mut bench = held();
    bench.happen(1..=2);
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    let mut attempts = 0;
    while bench.now < T0 + 24 * HOUR - 6 * MINUTE {
        bench.answer(failed());
        attempts += 1;
        bench.await_delivery();
    }
    // Nine quick ones, then one each five minutes.
    assert!((280..310).contains(&attempts), "{attempts}");
    assert!(bench.receiver.logs["s1"].given_up().is_empty());
    while bench.under_way() > 0 {
        assert!(bench.now <= T0 + 25 * HOUR + 6 * MINUTE, "{}", bench.now - T0);
        bench.answer(failed());
        bench.await_delivery();
    }
    assert_eq!(bench.receiver.logs["s1"].given_up(), [2, 3, 4, 5]);
    assert!(matches!(bench.what("s1")[..], [.., What::NoticesGivenUp { count }] if count > 0));

    // Long after the recording has been forgotten, its log is there.
    bench.pass(2 * DAY);
    assert!(matches!(
        bench.call(Command::Query(target("s1", None))).1,
        Some(Outcome::NotFound { .. })
    ));
    assert_eq!(bench.replay(vec![3, 4]), 2);
    assert_eq!(bench.replay(vec![99]), 0);
    bench.answer(Delivery::Delivered { status: 200 });
    bench.answer(Delivery::Delivered { status: 200 });
    assert_eq!(bench.arrived("s1"), [0, 1, 3, 4]);
    assert_eq!(bench.receiver.logs["s1"].given_up(), [2, 5]);

    bench.pass(8 * DAY);
    assert!(bench.receiver.logs.is_empty() && bench.state.is_empty());
    assert_eq!(next_alarm(&bench.state), None);
}

#[test]
fn events_of_different_hours_are_given_up_at_their_own_times() {
    let mut bench = held();
    bench.state.set_pacing(crate::recording::Pacing {
        longest_pause_ms: 1_000,
        give_up_ms: 24_000,
        ..Default::default()
    });
    let from = bench.now;
    for number in 1..=20 {
        bench.happen(number..=number);
        bench.pass(500);
        if bench.under_way() > 0 {
            bench.answer(failed());
        }
    }
    let mut given_up = Vec::new();
    while bench.now < from + 40_000 {
        bench.report("s1", "n1", 1, |_| {});
        bench.pass(500);
        if bench.under_way() > 0 {
            bench.answer(failed());
        }
        given_up.push((bench.now - from, bench.receiver.logs["s1"].given_up().len() as u64));
    }
    for (age_ms, count) in given_up {
        // Number n came at (n - 1) · 500 ms.
        let tried_for = |number: u64| age_ms.saturating_sub((number - 1) * 500);
        assert!(
            count == 0 || tried_for(count) >= 24_000,
            "too early: {count} at {age_ms}"
        );
        assert!(
            count == 20 || tried_for(count + 1) <= 27_000,
            "too late: {count} at {age_ms}"
        );
    }
}

#[test]
fn what_nobody_wants_is_passed_over() {
    let mut bench = held();
    bench.happen(1..=3);
    bench.answer(Delivery::Unwanted);
    assert_eq!(bench.deliveries, Some(vec![("s1".to_owned(), 3)]));
    bench.answer(Delivery::NoReceiver);
    assert_eq!((bench.under_way(), bench.arrived("s1")), (0, vec![0, 1]));
    bench.happen(4..=4);
    assert_eq!(bench.deliveries, Some(vec![("s1".to_owned(), 5)]));
}

#[test]
fn what_happens_on_a_node_is_told_once_and_confirmed() {
    let mut bench = Bench::started("s1", ticket("a"));
    let confirmed = |through| Some(protocol::Confirmed { log: 1, through });
    assert_eq!(bench.happen(1..=3), confirmed(3));
    assert_eq!(bench.happen(2..=4), confirmed(4));
    bench.crash();
    assert_eq!(bench.happen(1..=2), confirmed(4), "a late report");
    let (desired, _) = bench.report("s1", "n2", 1, |report| report.occurrences = log(1, 1..=9));
    assert_eq!(
        desired.directive,
        protocol::Directive::Release,
        "a node that never had the recording"
    );
    // The same node on an empty disk.
    bench.report("s1", "n1", 1, |report| report.occurrences = log(2, 1..=1));
    let happened = [1, 2, 3, 4, 1].map(stream);
    assert_eq!(
        bench.receiver.logs["s1"].happenings(),
        happened.iter().collect::<Vec<_>>()
    );
}

#[test]
fn each_problem_is_told_once() {
    let mut bench = Bench::started("s1", ticket("a"));
    let mut tell = |problems: Vec<Problem>| {
        bench.report("s1", "n1", 1, |report| report.problems = problems);
        bench.crash();
    };
    tell(vec![problem("a", 1)]);
    tell(vec![problem("a", 1), problem("b", 1)]);
    tell(vec![problem("b", 1), problem("a", 2)]);
    let codes: Vec<_> = bench.events("s1")[2..]
        .iter()
        .map(|event| match event {
            Event::Problem(problem) => (problem.code.clone(), problem.at_ms),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [("a".to_owned(), 1), ("b".to_owned(), 1), ("a".to_owned(), 2)]);
    assert_eq!(bench.what("s1").len(), 2 + 3);
}

#[test]
fn the_death_of_the_token_is_told_when_it_comes_before_the_end() {
    let starts = |token_expires_ms| {
        let mut bench = Bench::new();
        let mut spec = spec();
        spec.token_expires_ms = token_expires_ms;
        bench.start_spec_on("s1", ticket("a"), spec, "n1");
        bench
    };
    let told = |bench: &Bench| bench.events("s1").contains(&Event::TokenExpired);
    let mut bench = starts(Some(T0 + 8_000));
    bench.pass(7_999);
    assert!(!told(&bench));
    bench.pass(1);
    assert!(told(&bench));
    bench.report("s1", "n1", 1, |_| {});
    bench.pass(10_000);
    let times = bench
        .events("s1")
        .iter()
        .filter(|event| **event == Event::TokenExpired)
        .count();
    assert_eq!(times, 1);

    let mut bench = starts(Some(T0 + HOUR));
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    bench.pass(2 * HOUR);
    assert!(!told(&bench));
    let mut bench = starts(None);
    bench.pass(MINUTE);
    assert!(!told(&bench));
}

#[test]
fn calls_that_do_not_fit_are_told_now_and_then() {
    let mut bench = Bench::started("s1", ticket("a"));
    let misfits = |bench: &Bench| {
        let events = bench.events("s1");
        events
            .iter()
            .filter(|event| matches!(event, Event::Misfit { .. }))
            .count()
    };
    for _ in 0..3 {
        bench.start("s9", ticket("a"));
    }
    assert_eq!(misfits(&bench), 1);
    bench.pass(9_000);
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.cause = Some(EndCause::Failed);
    });
    bench.pass(1_000);
    bench.stop("s1", true);
    assert_eq!(misfits(&bench), 2);
    bench.report("s1", "n1", 1, ended(EndCause::Failed));
    bench.pass(10_000);
    bench.stop("s1", true);
    assert_eq!(misfits(&bench), 2, "not after the end");
}

#[test]
fn progress_is_told_once_a_minute_and_not_while_it_waits() {
    let mut bench = Bench::started("s1", ticket("a"));
    let minutes = |bench: &mut Bench, count: u64| {
        for _ in 0..count * 12 {
            bench.pass(5_000);
            bench.report("s1", "n1", 1, |report| report.files = vec![file("a", 4, 3)]);
        }
    };
    let told = |bench: &Bench| {
        let events = bench.events("s1");
        events
            .iter()
            .filter(|event| {
                **event
                    == Event::Progress {
                        uploaded: 3,
                        recorded: 4,
                    }
            })
            .count()
    };
    minutes(&mut bench, 3);
    assert_eq!(told(&bench), 3);
    bench.deliveries = Some(Vec::new());
    minutes(&mut bench, 3);
    assert_eq!(told(&bench), 4);
}

#[test]
fn an_upload_to_a_video_on_demand_service_is_told() {
    let mut spec = spec();
    spec.storage.kind = StorageKind::AliyunVod;
    let mut bench = Bench::new();
    bench.start_spec_on("s1", ticket("a"), spec, "n1");
    let vod = |ids: &'static [&str], complete| {
        move |report: &mut Report| {
            let videos = ids.iter().map(|id| VodVideo {
                name: format!("{id}.m3u8"),
                video_id: (*id).to_owned(),
            });
            report.vod = Some(Vod {
                videos: videos.collect(),
                complete,
            })
        }
    };
    assert_eq!(bench.snapshot("s1").vod, Some(Vod::default()));
    bench.report("s1", "n1", 1, vod(&[], false));
    bench.report("s1", "n1", 1, vod(&["v"], false));
    bench.report("s1", "n1", 1, |_| {});
    bench.report("s1", "n1", 1, vod(&["v", "w"], true));
    bench.report("s1", "n1", 1, vod(&["w"], true));
    let started = |id: &str| Event::VodStarted { video_id: id.into() };
    assert_eq!(
        bench.events("s1")[2..],
        [started("v"), started("w"), Event::VodCompleted]
    );
    let vod = bench.snapshot("s1").vod.unwrap();
    assert_eq!((vod.videos.len(), vod.complete), (2, true));
}

#[test]
fn the_next_node_goes_on_with_the_videos() {
    let mut spec = spec();
    spec.storage.kind = StorageKind::AliyunVod;
    let mut bench = Bench::new();
    bench.start_spec_on("s1", ticket("a"), spec, "n1");
    let video = VodVideo {
        name: "a.m3u8".to_owned(),
        video_id: "v".to_owned(),
    };
    let told = vec![video.clone()];
    bench.report("s1", "n1", 1, |report| {
        report.vod = Some(Vod {
            videos: told,
            complete: false,
        });
    });
    let request = JobRequest {
        node_id: "n1".to_owned(),
        recorder: key(),
        sid: "s1".to_owned(),
        epoch: 1,
    };
    let (_, reply, _) = bench.ask(Request::Job(request));
    let Some(Reply::Job(Ok(job))) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(job.placement.videos, [video]);
}

#[test]
fn a_recording_to_a_bucket_has_no_videos() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| report.vod = Some(Vod::default()));
    assert_eq!(bench.snapshot("s1").vod, None);
}

#[test]
fn too_many_events_are_counted_not_kept() {
    let mut bench = held();
    for first in (0..60_000).step_by(100) {
        bench.happen(first + 1..=first + 100);
    }
    assert_eq!(bench.receiver.logs["s1"].notices.len(), 50_002);
    assert_eq!(bench.what("s1").last(), Some(&What::NoticesDropped));
    // How it ended is told all the same.
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert!(matches!(
        bench.events("s1").last(),
        Some(Event::Exited { complete: true, .. })
    ));
}

#[test]
fn a_start_that_no_node_takes_leaves_nothing() {
    let mut bench = Bench::new();
    let (_, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    let node = Err("none".to_owned());
    bench.step(Input::Placed {
        sid: "s1".to_owned(),
        epoch,
        node,
    });
    assert!(bench.state.is_empty() && bench.receiver.logs.is_empty());
}

#[test]
fn a_backup_that_takes_over_and_gives_back_is_told() {
    let mut bench = Bench::started("s1", ticket("a"));
    let backed_up = |files, complete| Some(protocol::BackedUp { files, complete });
    bench.report("s1", "n1", 1, |report| report.backed_up = backed_up(1, true));
    assert!(
        !bench
            .events("s1")
            .iter()
            .any(|event| matches!(event, Event::BackedUp { .. }))
    );
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.files = vec![file("a", 2, 0)];
        report.backed_up = backed_up(2, false);
    });
    for _ in 0..2 {
        bench.report("s1", "n1", 1, |report| {
            report.phase = Phase::Draining;
            report.backed_up = backed_up(2, true);
        });
    }
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Ended;
        report.files = vec![file("a", 2, 2)];
    });
    let events = bench.events("s1");
    let place = |wanted: fn(&Event) -> bool| {
        let places: Vec<_> = events.iter().enumerate().filter(|(_, event)| wanted(event)).collect();
        assert_eq!(places.len(), 1, "{events:?}");
        places[0].0
    };
    let backed_up = place(|event| matches!(event, Event::BackedUp { files } if files.len() == 1));
    let uploaded = place(|event| matches!(event, Event::Uploaded { .. }));
    assert!(backed_up < uploaded, "{events:?}");
    let what = bench.what("s1");
    let took_over = what.iter().position(|what| *what == What::BackupTookOver);
    let emptied = what.iter().position(|what| *what == What::BackupEmptied);
    assert!(took_over.is_some() && took_over < emptied, "{what:?}");
}
