use protocol::{Directive, EndCause, Phase};

use super::bench::*;
use super::samples::*;
use crate::recording::{Effect, NodeAnswer, Outcome, RecordingView, Status};

fn stopping(outcome: Option<Outcome>) -> RecordingView {
    match outcome {
        Some(Outcome::Stopping(view)) => *view,
        other => panic!("{other:?}"),
    }
}

fn sent_orders(effects: &[Effect]) -> Vec<(Directive, u64)> {
    let orders = effects.iter().filter_map(|effect| match effect {
        Effect::SendDesired { desired, wait_ms, .. } => Some((desired.directive, *wait_ms)),
        _ => None,
    });
    orders.collect()
}

#[test]
fn a_stop_is_answered_with_the_end_when_the_node_reaches_it_in_time() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, early, effects) = bench.stop("s1", false);
    assert_eq!(early, None);
    assert_eq!(sent_orders(&effects), [(Directive::Stop(EndCause::Stopped), 6_500)]);
    let report = bench.make_report("s1", "n1", 1, |report| {
        ended(EndCause::Stopped)(report);
        report.files = vec![file("v.m3u8", 2, 2)];
    });
    let effects = bench.desired_answered("s1", 1, NodeAnswer::Report(Box::new(report)));
    let [Outcome::State(view)] = &replies_to(&effects, by)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (view.status, view.cause, view.files.len()),
        (Status::Ended, Some(EndCause::Stopped), 1)
    );
}

#[test]
fn a_stop_is_answered_by_the_report_that_comes_first() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, _, _) = bench.stop("s1", false);
    let (_, effects) = bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert!(matches!(replies_to(&effects, by)[..], [Outcome::State(_)]));
    assert_eq!(
        replies_to(&bench.desired_answered("s1", 1, NodeAnswer::Unreachable), by),
        []
    );
}

#[test]
fn uploads_that_take_longer_are_answered_with_stopping() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, _, _) = bench.stop("s1", false);
    let report = bench.make_report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.pending_uploads = 3;
    });
    let effects = bench.desired_answered("s1", 1, NodeAnswer::Report(Box::new(report)));
    let view = stopping(replies_to(&effects, by).pop());
    assert_eq!((view.status, view.pending_uploads), (Status::Stopping, 3));
}

#[test]
fn no_caller_gives_up_before_a_stop_is_answered() {
    // Agora's clients wait for ten seconds, connecting included.
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, _, _) = bench.stop("s1", false);
    assert_eq!(replies_to(&bench.pass(7_000), by), []);
    stopping(replies_to(&bench.pass(1_000), by).pop());
    assert_eq!(bench.view("s1").status, Status::Stopping, "uploads go on");
}

#[test]
fn an_unreachable_node_gets_the_order_with_its_next_report() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, _, _) = bench.stop("s1", false);
    let effects = bench.desired_answered("s1", 1, NodeAnswer::Unreachable);
    stopping(replies_to(&effects, by).pop());
    bench.crash();
    let (desired, _) = bench.report("s1", "n1", 1, |_| {});
    assert_eq!(desired.directive, Directive::Stop(EndCause::Stopped));
    let (desired, _) = bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert_eq!(desired.directive, Directive::Stop(EndCause::Stopped));
    assert_eq!(bench.view("s1").status, Status::Ended);
}

#[test]
fn an_answer_of_another_lease_ends_no_waiting() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, _, _) = bench.stop("s1", false);
    assert_eq!(bench.desired_answered("s1", 0, NodeAnswer::Unreachable), []);
    let effects = bench.desired_answered("s1", 1, NodeAnswer::Unreachable);
    stopping(replies_to(&effects, by).pop());
}

#[test]
fn at_once_does_not_wait() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (_, outcome, effects) = bench.stop("s1", true);
    stopping(outcome);
    assert_eq!(sent_orders(&effects), [(Directive::Stop(EndCause::Stopped), 0)]);
}

#[test]
fn repeated_stops_send_nothing_more() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.stop("s1", false);
    for at_once in [false, true, false] {
        let (_, outcome, effects) = bench.stop("s1", at_once);
        assert!(
            matches!(&outcome, Some(Outcome::AlreadyEnded(view)) if view.status == Status::Stopping),
            "{outcome:?}"
        );
        assert_eq!(effects, []);
    }
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    let (_, outcome, effects) = bench.stop("s1", false);
    assert!(matches!(outcome, Some(Outcome::AlreadyEnded(_))), "{outcome:?}");
    assert_eq!(sent_orders(&effects), []);
}

#[test]
fn a_recording_that_ends_by_itself_has_already_ended_for_a_stop() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.cause = Some(EndCause::Failed);
    });
    let (_, outcome, _) = bench.stop("s1", false);
    let Some(Outcome::AlreadyEnded(view)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((view.status, view.cause), (Status::Stopping, Some(EndCause::Failed)));
    bench.report("s1", "n1", 1, ended(EndCause::Failed));
    assert_eq!(bench.view("s1").status, Status::Failed);
}

#[test]
fn a_stop_during_the_search_reaches_the_node_that_takes_the_job() {
    let mut bench = Bench::new();
    let (starter, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    let (stopper, early, effects) = bench.stop("s1", false);
    assert_eq!((early, sent_orders(&effects)), (None, vec![]));
    bench.step(crate::recording::Input::Placed {
        sid: "s1".into(),
        epoch,
        node: Ok(node("n1")),
    });
    let report = bench.make_report("s1", "n1", epoch, |_| {});
    let effects = bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));
    assert_eq!(replies_to(&effects, starter), [Outcome::Started { sid: "s1".into() }]);
    assert_eq!(sent_orders(&effects), [(Directive::Stop(EndCause::Stopped), 6_500)]);
    let (_, effects) = bench.report("s1", "n1", epoch, ended(EndCause::Stopped));
    assert!(matches!(replies_to(&effects, stopper)[..], [Outcome::State(_)]));
}

#[test]
fn a_stop_during_the_search_ends_it_when_the_node_refuses() {
    let mut bench = Bench::new();
    let (starter, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    let (stopper, _, _) = bench.stop("s1", false);
    bench.step(crate::recording::Input::Placed {
        sid: "s1".into(),
        epoch,
        node: Ok(node("n1")),
    });
    let effects = bench.job_answered("s1", epoch, NodeAnswer::Unreachable);
    assert!(matches!(replies_to(&effects, starter)[..], [Outcome::Refused(_)]));
    assert!(matches!(replies_to(&effects, stopper)[..], [Outcome::NotFound { .. }]));
    assert!(bench.state.is_empty());
}

#[test]
fn the_resource_id_must_be_the_recordings_own() {
    let mut bench = Bench::started("s1", ticket("a"));
    assert_eq!(bench.query("s1", Some("b")), Outcome::Mismatch);
    assert!(matches!(bench.query("s2", Some("a")), Outcome::NotFound { .. }));
    assert!(matches!(bench.query("s1", Some("a")), Outcome::State(_)));
}
