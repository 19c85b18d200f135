//! How events get to the callback: in order, repeated, given up, and replayed.

use protocol::EndCause;

use super::listening::*;
use super::samples::*;
use crate::recording::{Command, Delivery, Event, Input, Outcome, What, next_alarm};

const DAY: u64 = 24 * HOUR;

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
